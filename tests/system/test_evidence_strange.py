#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Well-signed logs that no writer of ours would write: all who judge refuse them at the same place."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import seals  # noqa: E402
import tap  # noqa: E402
from evidence_case import Case  # noqa: E402


class Strange(Case):
    """A writer that seals well what it should not have written: seals hold, the rules of records do not."""

    def refused(self, old, new, **options):
        log = self.log(2)
        log.add([log.line(), log.bent(old, new), log.line()])
        with self.subTest(new[:40]):
            self.agree(log.write(), "BROKEN", fault=(log.names[1], 2), **options)

    def test_json(self):
        for new in (b'"os":"linux","os":"linux"', b'"os":"linux","\\u006fs":"linux"', b'"os":{"a":1,"a":2}',
                    b'"os":9007199254740992', b'"os":-9007199254740993', b'"os":1e400', b'"os":nan', b'"os":NaN',
                    b'"os":01', b'"os":1.', b'"os":.5', b'"os":+1', b'"os":"\\ud800"', b'"os":"\\udc00\\ud800"',
                    b'"os":"\\u0000"', b'"os":"a\tb"', b'"os":"\x01"', b'"os":"\xff"', b'"os":"\xed\xa0\x80"',
                    b'"os":"\xc0\xaf"', b'"os":"\\x"', b"'os':1", b'"os":tru', b'"os":[1,]', b'"os":"\\u12"',
                    b'"os":[1 2]', b'"os":1,,"x":1', b'"os":"x"} {"y":"z"', b'"os":\x00', b'"os":\x0b1'):
            self.refused(b'"os":"linux"', new)

    def test_json_that_is_fine(self):
        log = self.log(2)
        for new in (b'"os":9007199254740991', b'"os":-9007199254740991', b'"os":[1, 2.5e3,-0,\t{}]',
                    b'"os":"\\ud83d\\ude00 \\\\ud800 \\\\u0000 \x7f \xf0\x9f\x94\x91"', b'"os":"{\\"os\\":1,\\"os\\":2}"',
                    b'"os":{"os":{"os":[]}}', b'"os" : null', b'"os":[true,false]\r'):
            log.add([log.bent(b'"os":"linux"', new)])
        for old, new in ((b'{"audit', b' \t{ "audit'), (b'"seq":', b'"seq" : '),
                         (b'"prev_hash":', b'"prev_hash" :\t'), (b'","schema', b'" ,\r"schema'), (b'"}\n', b'" } \r\n')):
            log.add([log.bent(old, new)])
        self.agree(log.write(), "SEALED")

    def test_seals(self):
        """What a seal says that nothing else would show to be impossible."""
        for members in ({"torn_bytes": 1 << 53}, {"torn_bytes": 9999999999999999}):
            log = self.log(2)
            self.agree(log.add(2, **members).write(), "BROKEN", fault=(log.names[1] + ".seal", 0))
        for name in ("first_time", "last_time"):
            for text in ("2026-02-29T04:00:00.000000Z", "2026-11-21T24:00:00.000000Z", "2026-13-01T00:00:00.000000Z"):
                log = self.log()
                log.add(2, **{name: text}).add(2).prune(1)
                self.agree(log.write(), "BROKEN", fault=(log.names[0] + ".seal", 0))

    def test_members(self):
        one = b'{"audit_event_id":"'
        self.refused(one, b'{"os2":1,"audit_event_id":"')
        self.refused(b'"prev_hash"', b'"prev_has"')
        self.refused(b'"seq":4,', b'"seq":5,')
        self.refused(b'"seq":4,', b'"seq":4.0,')
        self.refused(b'"seq":4,', b'"seq":"4",')
        self.refused(b'-8000-000000000004"', b'-8000-000000000005"')
        self.refused(b'-8000-000000000004"', b'-c000-000000000004"')
        self.refused(b'"timestamp":"2026-11-21T', b'"timestamp":"2026-11-21 ')
        self.refused(b'"timestamp":"2026', b'"timestamp":"2025')

    def test_places(self):
        """Evidence stands where every reader looks, as it is: not elsewhere, not in escapes."""
        for key in (b"audit_event_id", b"timestamp", b"seq", b"prev_hash"):
            self.refused(b'"%s"' % key, b'"\\u%04x%s"' % (key[0], key[1:]))
            self.refused(b'"%s"' % key, b'"x":0,"%s":0,"y' % key)
        self.refused(b'"timestamp":"2', b'"timestamp":"\\u0032')
        for moved, to in ((rb'"timestamp":"[^"]*",', b'"seq"'), (rb'"seq":\d+,', b'"os"')):
            log = self.log(2)
            line = log.line()
            member = re.search(moved, line)[0]
            line = line.replace(member, b"").replace(to, member + to)
            log.head = seals.leaf(line).hex()
            log.add([line])
            self.agree(log.write(), "BROKEN", fault=(log.names[1], 1))

    def test_times(self):
        """Every day that there is, and none that there is not."""
        def between(text):
            log = self.log(start=0)
            log.add([log.line(), log.bent(b"1970-01-01T00:00:01.250003Z", text.encode()),
                     log.line(timestamp="9999-12-31T23:59:59.999999Z")])
            return log.write()

        log = self.log(start=0)
        log.add([log.line(timestamp=text) for text in (
            "1970-01-01T00:00:00.000000Z", "1999-02-28T10:00:00.000000Z", "2000-02-29T10:00:00.000000Z",
            "2024-02-29T23:59:59.999999Z", "2026-01-31T00:00:00.000000Z", "2026-03-31T00:00:00.000000Z",
            "2026-04-30T00:00:00.000000Z", "2026-05-31T00:00:00.000000Z", "2026-06-30T00:00:00.000000Z",
            "2026-07-31T00:00:00.000000Z", "2026-08-31T00:00:00.000000Z", "2026-09-30T00:00:00.000000Z",
            "2026-10-31T00:00:00.000000Z", "2026-11-30T00:00:00.000000Z", "2026-12-31T00:00:00.000000Z",
            "9999-12-31T23:59:59.999999Z")])
        self.agree(log.write(), "SEALED")
        for text in ("2026-02-29T00:00:00.000000Z", "1900-02-29T00:00:00.000000Z", "2026-09-31T00:00:00.000000Z",
                     "2026-13-01T00:00:00.000000Z", "2026-00-01T00:00:00.000000Z", "2026-01-00T00:00:00.000000Z",
                     "2026-01-32T00:00:00.000000Z", "2026-01-01T24:00:00.000000Z", "2026-01-01T00:60:00.000000Z",
                     "2026-12-31T23:59:60.000000Z", "2026-01-01T00:00:00.00000Z", "2026-01-01T00:00:00.0000000Z",
                     "2026-01-01T00:00:00.000000+00:00", "2026-01-01t00:00:00.000000z", "1969-12-31T23:59:59.999999Z"):
            with self.subTest(text):
                log = between(text)
                self.agree(log, "BROKEN", fault=(log.names[0], 2))

    def test_line_length(self):
        log = self.log(2)
        line = log.bent(b'"os":"linux"', b'"os":"' + b"x" * 4000 + b'"')
        log.seq -= 1
        for n, verdict in ((8192, "SEALED"), (8193, "BROKEN")):
            log = self.log(2)
            log.add([log.bent(b'"os":"linux"', b'"os":"' + b"x" * (4000 + n - len(line)) + b'"')])
            self.assertEqual(len(log.lines[1][0]), n)
            self.agree(log.write(), verdict, fault=(log.names[1], 1) if n > 8192 else None)

    def test_another_log_id(self):
        log = self.log(2)
        log.log_id ^= 1
        self.agree(log.add(2).write(), "BROKEN", fault=(log.names[1], 1))

    def test_depth(self):
        for levels, sealed in ((63, True), (64, False), (2000, False)):
            log = self.log(2)
            log.add([log.bent(b'"os":"linux"', b'"os":' + b"[" * levels + b"]" * levels)])
            self.agree(log.write(), "SEALED" if sealed else "BROKEN", fault=None if sealed else (log.names[1], 1))


if __name__ == "__main__":
    tap.main()
