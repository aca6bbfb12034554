#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The key state as the whole service has it: where it begins, that it goes on, what is refused and touches nothing,
the way out, the credential, and that private keys are gone once they have signed."""

import hashlib
import os
import shutil
import stat
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import evidence  # noqa: E402
import keystate  # noqa: E402
import seals  # noqa: E402
import service  # noqa: E402
import tap  # noqa: E402

HELP = 'auditd-writer(8), "The key state"'
SECRET = bytes(range(101, 133))
OTHER = bytes(range(100, 132))


def snapshot(*directories):
    """Every name with its kind, mode and contents."""
    found = {}
    for directory in directories:
        for name in sorted(os.listdir(directory)):
            path = os.path.join(directory, name)
            st = os.lstat(path)
            data = b""
            if stat.S_ISREG(st.st_mode):
                with open(path, "rb") as f:
                    data = f.read()
            found[path] = (st.st_ino, oct(st.st_mode), len(data), hashlib.sha256(data).hexdigest())
    return found


def write(path, data, mode=0o600):
    """The file becomes these bytes; it stays the same file if it is there."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(fd, "wb") as f:
        f.write(data)


def memory_of(pid):
    """What a process has written, or may write, of its own."""
    found = []
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
        for line in maps:
            span, rights = line.split()[:2]
            start, end = (int(x, 16) for x in span.split("-"))
            if rights.startswith("rw"):
                memory.seek(start)
                found.append(memory.read(end - start))
    return b"\0".join(found)


def vkey(s):
    with open(os.path.join(s.audit, "origin.vkey"), encoding="ascii") as f:
        return f.read().removesuffix("\n")


def newest_seal(s):
    """(path, members, text) of the seal with the highest index."""
    found = []
    for name in os.listdir(s.audit):
        if name.endswith(".seal"):
            path = os.path.join(s.audit, name)
            with open(path, "rb") as f:
                found.append((path, *seals.open_seal(f.read())))
    return max(found, key=lambda x: x[1]["index"])


class Case(service.Case):
    def work(self, s, n=3):
        with s.client() as c:
            for i in range(n):
                self.assertEqual(c.ask({"id": i, **service.DENIED})["decision"], "deny")

    def session(self, n=3, **options):
        """A whole run: n questions, a clean end; the service, which can be started again."""
        s = self.start(**options)
        self.work(s, n)
        s.stop()
        return s

    def refused(self, s, text, code=1, help_is_named=True):
        """It does not start, says why, and everything is as before."""
        before = snapshot(s.audit, s.keys)
        s.spawn()
        self.assertEqual(s.wait(), code, s.said())
        s.gone()
        said = s.said()
        self.assertIn(text, said)
        self.assertNotIn("policyd: ready", said)
        if help_is_named:
            self.assertIn(HELP, said)
        self.assertEqual(snapshot(s.audit, s.keys), before, said)
        return said

    def sealed(self, s, words=()):
        """The log verifies from the first key."""
        result = evidence.verify(s.audit, vkey(s))
        self.assertIsNone(result.fault, result.fault)
        self.assertEqual([result.verdict, *result.caveats], list(words) or ["SEALED"])
        return result


class Begins(Case):
    def test_first_start(self):
        s = self.start()
        self.work(s)
        said = s.said()
        key = vkey(s)
        log = s.stop()
        name, public = seals.parse_vkey(key)
        state = keystate.read(s.keys)
        log_id = log.records[0]["audit_event_id"].replace("-", "")
        self.assertEqual(said.count(key), 1, said)
        self.assertIn(f"a new log: {name}", said)
        self.assertEqual((state.origin, state.first_key), (name, public))
        self.assertEqual(name, f"{log.records[0]['hostname']}/sealwright/{state.log_id:015x}")
        self.assertEqual(int(log_id[:12] + log_id[13:16], 16), state.log_id)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.join(s.audit, "origin.vkey")).st_mode), 0o440)
        self.assertEqual(stat.S_IMODE(os.stat(keystate.path(s.keys)).st_mode), 0o600)
        self.assertEqual(os.listdir(s.keys), ["state"])
        first = log.records[0]
        self.assertEqual((first["action_type"], first["origin"]),
                         ("origin", {"event": "genesis", "origin": name, "key": key}))
        self.sealed(s)

    def test_goes_on(self):
        s = self.session()
        key = vkey(s)
        for run in range(2, 5):
            before = keystate.read(s.keys)
            s = self.start()
            self.assertNotIn(key, s.said())
            self.work(s)
            log = s.stop()
            after = keystate.read(s.keys)
            self.assertEqual(vkey(s), key)
            self.assertEqual((after.origin, after.log_id, after.first_key),
                             (before.origin, before.log_id, before.first_key))
            self.assertEqual(after.next_index, before.next_index + 1)
            self.assertGreater(after.seq, before.seq)
            self.assertFalse(keystate.has_key(keystate.raw(s.keys), before.seed))
            self.assertEqual(len([r for r in log.records if r["action_type"] == "origin"]), 1)
            self.assertEqual(len(self.sealed(s).seals), run)

    def test_state_is_what_the_newest_seal_says(self):
        s = self.session()
        state = keystate.read(s.keys)
        _, members, text = newest_seal(s)
        self.assertEqual(seals.b64(seals.public_of(state.seed)), members["next_key"])
        self.assertEqual(state.prev_seal.hex(), seals.seal_hash(text))
        self.assertEqual((state.next_index, state.seq, state.head.hex()),
                         (members["index"] + 1, members["last_seq"], members["head"]))

    def test_configured_origin(self):
        s = self.session(conf={"origin": "log.example.com/Main:1"})
        self.assertTrue(vkey(s).startswith("log.example.com/Main:1+"))
        self.session(conf={"origin": "log.example.com/Main:1"})
        self.session(conf={})
        self.sealed(s)

    def test_key_is_not_lost_with_origin_vkey(self):
        """It is made again from the key state, and only that one is taken."""
        s = self.session()
        key = vkey(s)
        os.unlink(os.path.join(s.audit, "origin.vkey"))
        self.session()
        self.assertEqual(vkey(s), key)
        self.sealed(s)

    def test_keys_are_gone_once_they_have_signed(self):
        s = self.start(args=["--rotate-records", "10"])
        used = [keystate.read(s.keys).seed]
        for _ in range(20):
            self.work(s, 10)
            state = self.eventually(lambda: self.moved_on(s, used[-1]), "the next key")
            data = keystate.raw(s.keys)
            self.assertFalse(any(keystate.has_key(data, seed) for seed in used))
            used.append(state.seed)
        s.stop()
        data = keystate.raw(s.keys)
        self.assertFalse(any(keystate.has_key(data, seed) for seed in used))
        self.assertEqual(len(set(used)), len(used))
        result = self.sealed(s)
        keys = [m["key"] for m, _ in result.seals]
        for seed in used:
            self.assertIn(seals.vkey(state.origin, seals.public_of(seed)), keys)

    @unittest.skipIf(os.geteuid() != 0, "reads a process's memory: root only")
    @unittest.skipIf(service.SANITIZED, "a sanitizer keeps what was freed")
    def test_keys_are_gone_from_memory_too(self):
        s = self.start(args=["--rotate-records", "10"])
        used = [keystate.read(s.keys).seed]
        for _ in range(3):
            self.work(s, 10)
            used.append(self.eventually(lambda: self.moved_on(s, used[-1]), "the next key").seed)
        writer = s.pids("writer")[0]

        def found():
            memory = memory_of(writer)
            return [seed in memory for seed in used]

        # The file is rewritten first: memory a moment later.
        self.eventually(lambda: found() == [False] * 3 + [True], "only the next key in memory")
        s.stop()

    @staticmethod
    def moved_on(s, seed):
        """The state of one slot, once the other is erased; a commit may be under way."""
        found = keystate.slots(keystate.raw(s.keys))
        whole = [x for x in found if isinstance(x, keystate.State)]
        return whole[0] if len(whole) == 1 and None in found and whole[0].seed != seed else None


class Refused(Case):
    def test_no_key_state(self):
        s = self.session()
        kept = keystate.raw(s.keys)
        os.unlink(keystate.path(s.keys))
        self.refused(self.make(), "belongs to a log, but there is no key state for it")
        # One file of a log is enough.
        for name in sorted(os.listdir(s.audit)):
            if name.endswith(".tmp"):
                continue
            with self.subTest(name=name[-12:]):
                t = self.make("alone-" + name[-8:])
                shutil.copy(os.path.join(s.audit, name), t.audit)
                self.refused(t, f"{name}: belongs to a log")
                os.unlink(os.path.join(t.audit, name))
        write(keystate.path(s.keys), kept)
        self.session()
        self.sealed(s)

    def test_segment_that_nobody_closed_is_a_log(self):
        s = self.start()
        self.work(s)
        s.kill("writer")
        self.assertNotEqual(s.wait(), 0)
        s.gone()
        kept = keystate.raw(s.keys)
        os.unlink(keystate.path(s.keys))
        os.unlink(os.path.join(s.audit, "origin.vkey"))
        self.refused(self.make(), ".jsonl.tmp: belongs to a log")
        write(keystate.path(s.keys), kept)
        self.session()
        self.sealed(s, ["RECOVERED"])

    def damaged(self, s, data, text):
        path = keystate.path(s.keys)
        kept = keystate.raw(s.keys)
        write(path, data)
        try:
            self.refused(self.make(), text)
        finally:
            write(path, kept)

    def test_damage(self):
        s = self.session()
        good = keystate.raw(s.keys)
        used = next(i for i, x in enumerate(keystate.slots(good)) if x)
        length = int.from_bytes(good[used * keystate.SLOT + 12:][:4], "little")
        for at in (0, 8, 10, 12, 16, 24, 32, 64, 88, 152, 160, length - 65, length - 64, length - 33, length - 1):
            with self.subTest(at=at):
                bad = bytearray(good)
                bad[used * keystate.SLOT + at] ^= 1
                self.damaged(s, bytes(bad), "the key state is damaged: neither of its two slots is whole")
        for data in (b"", good[:1], good[:keystate.SLOT], good[:-1], good + b"\0", good * 2):
            with self.subTest(size=len(data)):
                self.damaged(s, data, f"the key state is damaged: it has {len(data)} bytes instead of 65536")
        self.damaged(s, bytes(keystate.SIZE), "the key state is damaged: neither")
        self.session()
        self.sealed(s)

    def test_the_other_slot_is_erased(self):
        """What an interrupted commit left there, an older state above all, does not matter and does not stay."""
        s = self.session()
        older = keystate.raw(s.keys)
        old = keystate.read(s.keys)
        old_slot = older[keystate.slots(older).index(old) * keystate.SLOT:][:keystate.SLOT]
        for other in (old_slot, old_slot[:700] + bytes(keystate.SLOT - 700), b"\xff" * keystate.SLOT):
            self.session()
            good = keystate.raw(s.keys)
            used = 0 if any(good[:keystate.SLOT]) else 1
            halves = [good[:keystate.SLOT], other]
            if used == 1:
                halves = [other, good[keystate.SLOT:]]
            write(keystate.path(s.keys), b"".join(halves))
            s = self.start()
            self.assertEqual(keystate.raw(s.keys), good)
            self.work(s)
            s.stop()
        self.sealed(s)

    def test_put_back(self):
        s = self.session()
        older = keystate.raw(s.keys)
        self.session()
        newer = keystate.raw(s.keys)
        write(keystate.path(s.keys), older)
        said = self.refused(self.make(), "it was put back to an earlier state")
        path, members, _ = newest_seal(s)
        self.assertIn(os.path.basename(path), said)
        self.assertIn(f"has index {members['index']}, but the key state would give index {members['index']} next", said)
        write(keystate.path(s.keys), newer)
        self.session()
        self.sealed(s)

    def test_forged_newest_seal(self):
        """Who had a copy of the key before it signed can make another seal; the key state knows which one was made."""
        s = self.session()
        copied = keystate.read(s.keys)
        self.session()
        path, members, _ = newest_seal(s)
        with open(path, "rb") as f:
            good = f.read()
        forged = seals.sign_note(seals.seal_text({**members, "torn_bytes": 5}), members["origin"], copied.seed)
        os.unlink(path)
        write(path, forged, 0o440)
        self.refused(self.make(), f"{os.path.basename(path)}: is not the seal that the key state has made")
        os.unlink(path)
        write(path, good, 0o440)
        self.session()
        self.sealed(s)

    def test_another_origin_configured(self):
        s = self.session(args=["--origin", "one.example"])
        said = self.refused(self.make(args=["--origin", "two.example"]),
                            "the key state is of origin one.example, configured is two.example", help_is_named=False)
        self.assertIn(s.keys, said)
        self.refused(self.make(conf={"origin": "two.example"}), "configured is two.example", help_is_named=False)
        self.session(args=["--origin", "one.example"])
        self.sealed(s)

    def test_keys_of_another_log(self):
        a, b = self.session(name="a"), self.session(name="b")
        kept = keystate.raw(a.keys)
        write(keystate.path(a.keys), keystate.raw(b.keys))
        self.refused(self.make("a"), ", but the key state is of origin " + keystate.read(b.keys).origin)
        write(keystate.path(a.keys), kept)
        with open(os.path.join(a.audit, "origin.vkey"), "rb") as f:
            right = f.read()
        os.unlink(os.path.join(a.audit, "origin.vkey"))
        shutil.copy(os.path.join(b.audit, "origin.vkey"), a.audit)
        self.refused(self.make("a"), "origin.vkey: is not the verifier key of the key state")
        os.unlink(os.path.join(a.audit, "origin.vkey"))
        write(os.path.join(a.audit, "origin.vkey"), right, 0o440)
        self.session(name="a")
        self.sealed(a)

    def test_origin_vkey_that_is_no_file(self):
        s = self.session()
        path = os.path.join(s.audit, "origin.vkey")
        os.rename(path, path + ".kept")
        for make, remove in ((os.mkfifo, os.unlink), (os.mkdir, os.rmdir),
                             (lambda p: os.symlink(p + ".kept", p), os.unlink)):
            make(path)
            self.refused(s, "origin.vkey: is not a regular file", help_is_named=False)
            remove(path)
        os.rename(path + ".kept", path)
        self.session()
        self.sealed(s)

    def test_seals_of_another_log(self):
        a, b = self.session(name="a"), self.session(name="b")
        path, _, _ = newest_seal(b)
        strange = [os.path.basename(path), os.path.basename(path).removesuffix(".seal")]
        for name in strange:
            shutil.copy(os.path.join(b.audit, name), a.audit)
        self.refused(self.make("a"), f"{strange[0]}: of origin {keystate.read(b.keys).origin}, but")
        for name in strange:
            os.unlink(os.path.join(a.audit, name))
        self.session(name="a")
        self.sealed(a)

    def test_open_to_others(self):
        s = self.session()
        os.chmod(keystate.path(s.keys), 0o640)
        self.refused(self.make(), "the key state may be read or written by group or others")
        os.chmod(keystate.path(s.keys), 0o600)
        moved = os.path.join(self.top, "elsewhere")
        os.rename(keystate.path(s.keys), moved)
        os.symlink(moved, keystate.path(s.keys))
        self.refused(self.make(), "the key state is not a regular file")
        os.unlink(keystate.path(s.keys))
        os.rename(moved, keystate.path(s.keys))
        self.session()
        self.sealed(s)


class WayOut(Case):
    def moved_away(self, s, where):
        for path in (s.audit, s.keys):
            os.rename(path, os.path.join(self.top, where + os.path.basename(path)))
        return os.path.join(self.top, where + "a")

    def test_succeeds(self):
        s = self.session()
        os.unlink(keystate.path(s.keys))
        self.refused(self.make(), HELP)
        _, members, text = newest_seal(s)
        old_key = vkey(s)
        old = self.moved_away(s, "old-")
        succeeds = f"{members['origin']} {members['index']}:{seals.seal_hash(text)}"
        s = self.start(args=["--succeeds", succeeds])
        said = s.said()
        self.work(s)
        log = s.stop()
        self.assertEqual(log.records[0]["action_type"], "origin")
        self.assertEqual(log.records[0]["origin"]["succeeds"],
                         {"origin": members["origin"], "index": members["index"], "seal": seals.seal_hash(text)})
        self.assertNotEqual(log.records[0]["origin"]["key"], old_key)
        self.assertEqual(said.count(vkey(s)), 1)
        self.sealed(s)
        self.assertEqual(evidence.verify(old, old_key).verdict, "SEALED")

    def test_it_counts_at_the_beginning_only(self):
        s = self.session()
        before = keystate.read(s.keys)
        for n in range(2):
            with self.subTest(n=n):
                s = self.start(conf={"succeeds": "other/log 7:" + "ab" * 32})
                self.work(s)
                self.assertIn(f"{before.origin} has begun before: succeeds has no effect", s.said())
                log = s.stop()
                self.assertFalse(any("succeeds" in r.get("origin", {}) for r in log.records))
        self.assertEqual(keystate.read(s.keys).log_id, before.log_id)
        self.sealed(s)

    def test_a_log_begins_beside_what_an_interrupted_beginning_left(self):
        s = self.make()
        for directory, name in ((s.keys, "recover.scratch"), (s.keys, "recover.copy"), (s.audit, "recover.scratch")):
            write(os.path.join(directory, name), b"half")
        self.session()
        self.sealed(s)


class Credential(Case):
    def environment(self, secret):
        """One with that credential; None: the directory is there, and nothing in it."""
        directory = os.path.join(self.top, "credentials")
        shutil.rmtree(directory, ignore_errors=True)
        os.mkdir(directory, 0o700)
        if secret is not None:
            write(os.path.join(directory, "sealwright.wrap"), secret, 0o400)
        return {**os.environ, "CREDENTIALS_DIRECTORY": directory}

    def with_secret(self, secret, n=3, **options):
        return self.session(n, env=self.environment(secret), **options)

    def test_wrapped(self):
        s = self.with_secret(SECRET)
        for form in (SECRET, SECRET.hex().encode(), SECRET.hex().upper().encode() + b"\n"):
            state = keystate.read(s.keys, SECRET)
            data = keystate.raw(s.keys)
            self.assertTrue(state.wrapped)
            self.assertFalse(keystate.has_key(data, state.seed))
            self.assertFalse(keystate.has_key(data, SECRET))
            self.assertEqual(seals.b64(seals.public_of(state.seed)), newest_seal(s)[1]["next_key"])
            s = self.with_secret(form)
        self.assertEqual(len(self.sealed(s).seals), 4)

    def test_without_it_or_with_another(self):
        s = self.with_secret(SECRET)
        missing = "holds an encrypted private key, and the credential sealwright.wrap is missing"
        self.refused(self.make(), missing)
        self.refused(self.make(env=self.environment(None)), missing)
        self.refused(self.make(env=self.environment(OTHER)), "was not encrypted with this credential sealwright.wrap")
        self.with_secret(SECRET)
        self.sealed(s)

    def test_of_no_form(self):
        s = self.with_secret(SECRET)
        for bad in (b"", SECRET[:31], SECRET + b"\n", SECRET.hex().encode() + b"\n\n", b"x" * 64, bytes(10000)):
            with self.subTest(n=len(bad)):
                self.refused(self.make(env=self.environment(bad)), "must hold 32 bytes, or 64 hex digits", 1, False)
        self.with_secret(SECRET)
        self.sealed(s)

    def test_that_cannot_be_opened(self):
        env = self.environment(None)
        path = os.path.join(env["CREDENTIALS_DIRECTORY"], "sealwright.wrap")
        os.symlink("/etc/passwd", path)
        self.refused(self.make(env=env), f"cannot open the credential {path}", 1, False)

    def test_plain_becomes_wrapped(self):
        s = self.session()
        plain = keystate.read(s.keys)
        self.assertFalse(plain.wrapped)
        s = self.with_secret(SECRET)
        state = keystate.read(s.keys, SECRET)
        data = keystate.raw(s.keys)
        self.assertTrue(state.wrapped)
        self.assertFalse(keystate.has_key(data, plain.seed) or keystate.has_key(data, state.seed))
        self.sealed(s)

    @service.unittest.skipUnless(os.geteuid() == 0, "changing uids needs root")
    def test_it_reaches_a_writer_that_could_not_open_it(self):
        s = self.make(args=["--user", "daemon", "--writer-user", "bin"], env=self.environment(SECRET))
        for path in (os.environ["TMPDIR"], self.top, s.top):
            os.chmod(path, 0o755)
        for path in (s.audit, s.keys):
            shutil.chown(path, "bin", "bin")
        shutil.chown(s.top, "daemon", "daemon")
        s.spawn().wait_ready()
        self.work(s)
        s.stop()
        self.assertTrue(keystate.read(s.keys, SECRET).wrapped)
        self.sealed(s)

    def test_of_the_writer_alone(self):
        """Nobody keeps it open, and no process shows it."""
        s = self.start(env=self.environment(SECRET))
        for role in ("supervisor", "writer", "evaluator", "admin"):
            pid = s.pid if role == "supervisor" else s.one(role)
            try:
                open_files = service.procs.open_fds(pid)
                with open(f"/proc/{pid}/environ", "rb") as f:
                    environment = f.read()
            except PermissionError:
                continue  # undumpable, and we are not root
            self.assertFalse([x for x in open_files.values() if "sealwright.wrap" in x], role)
            self.assertNotIn(SECRET, environment)
            if role != "supervisor":
                self.assertEqual(environment, b"")
        self.work(s)
        s.stop()
        self.sealed(s)


if __name__ == "__main__":
    tap.main()
