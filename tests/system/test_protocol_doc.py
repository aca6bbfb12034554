"""proto/PROTOCOL.md says what msg.def and record.def say."""
import os
import pathlib
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]


def rows_of(name, macro):
    """Argument lists of every MACRO(...) in a table file."""
    text = re.sub(r"/\*.*?\*/", "", (ROOT / "proto" / name).read_text(), flags=re.S)
    for match in re.finditer(macro + r"\(((?:[^()\"]|\"[^\"]*\")*)\)", text):
        arguments = re.findall(r'\s*("[^"]*"|[^,]+)', match.group(1))
        yield [argument.strip() for argument in arguments]


class ProtocolDocument(unittest.TestCase):
    def setUp(self):
        self.lines = (ROOT / "proto" / "PROTOCOL.md").read_text().splitlines()

    def cells(self, first, second):
        """The cells of the one table row that starts with these two."""
        found = [line for line in self.lines if line.startswith(f"| {first} | {second} |")]
        self.assertEqual(len(found), 1, f"row of {first} in PROTOCOL.md")
        return [cell.strip() for cell in found[0].strip("|").split("|")]

    def test_messages(self):
        messages = list(rows_of("msg.def", "MSG"))
        self.assertGreater(len(messages), 15)
        for name, number, _, _, least, most, descriptor, states, text in messages:
            cells = self.cells(name, number)
            self.assertEqual(cells[4], least if least == most else f"{least} to {most}", name)
            self.assertEqual(cells[5], "one" if descriptor == "1" else "none", name)
            self.assertEqual(cells[6], {"CHAN_ANY": "always", "CHAN_NEW": "new", "CHAN_OPEN": "open"}[states], name)
            self.assertEqual(cells[7], text.strip('"'), name)

    def test_fields(self):
        names = {"E": "evaluation", "M": "management", "X": "execution", "V": "event"}
        fields = [row for row in rows_of("record.def", "FIELD") if row[0] != "0"]
        self.assertGreater(len(fields), 20)
        for tag, _, json, form, categories, _ in fields:
            cells = self.cells(tag, json.strip('"') or "payload")
            self.assertEqual(cells[2], form.lower(), json)
            self.assertEqual(cells[3], ", ".join(names[c] for c in categories), json)


if __name__ == "__main__":
    tap.main()
