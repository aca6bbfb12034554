# SPDX-License-Identifier: Apache-2.0
"""What goes wrong in a round of a soak, by kinds: each gives its actions, one of which is done at a time."""


class Wrong(Exception):
    """The service does not do what it should, beyond records: it does not come back, or does not end."""


class Kind:
    """Of one round: its service, its disk, its plan, its dice."""

    def __init__(self, of):
        self.round, self.log, self.disk, self.plan, self.dice = of, of.log, of.log.disk, of.log.plan, of.dice

    @property
    def service(self):
        return self.round.service

    def actions(self):
        """What can be done here; what is there more than once is done so much more often."""
        raise NotImplementedError

    def count(self, what):
        self.round.counts["fault " + what] += 1

    def pause(self, longest):
        self.round.pause(longest)

    def again(self):
        """Everything has its end, and is started anew by the round."""
        self.round.put_out()
