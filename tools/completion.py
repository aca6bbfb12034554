#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Completion of command lines for bash and zsh, made from what the programs' own --help says.

    completion.py BUILD      write BUILD/completion/bash/NAME and BUILD/completion/zsh/_NAME

--help is printed from the tables that the programs read their command lines by, so there is nothing to keep in step.
Read there: options ("-f, --follow", "--lines N"), a fixed set of values written a|b|c in the name of the value or in
the help text (options of one program whose value has the same name share it), commands, formats, operands. The files
hold fixed words: to complete a line no program is run, and nothing is read but names of files and accounts."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field

PROGRAMS = {"policyd": "sbin/policyd", "policyctl": "bin/policyctl", "auditlog": "bin/auditlog"}
OPTION = re.compile(r"  (?:-(\w), )?--([a-z][a-z0-9-]*)(?: (\S+))?(?: {2,}|(?<=\w) )(\S.*)")
WORDS = re.compile(r"(?<![\w|])[a-z0-9][a-z0-9.-]*(?:\|[a-z0-9][a-z0-9.-]*)+(?![\w|])")
# What the name of a value means, where it is not a fixed set.
FILES = {"FILE", "PATH", "POLICY", "OLD", "NEW", "VKEYFILE", "CA.pem", "KEY.pem"}
DIRECTORIES = {"DIR", "ADIR", "AUDITDIR"}
ACCOUNTS = {"USER": "user", "GROUP": "group"}


@dataclass
class Value:
    """What may stand somewhere: words, or a kind: file, dir, user, group, text."""
    name: str
    kind: str = "text"
    words: list = field(default_factory=list)
    repeated: bool = False


@dataclass
class Option:
    name: str
    letter: str
    value: Value  # None: a flag
    help: str

    @property
    def forms(self):
        return ([f"-{self.letter}"] if self.letter else []) + [f"--{self.name}"]


@dataclass
class Command:
    name: str  # "": the program itself
    about: str
    options: list = field(default_factory=list)
    operands: list = field(default_factory=list)


def value_of(name, text="", repeated=False):
    words = WORDS.search(name) or WORDS.search(text)
    if words:
        return Value(name, "words", words[0].split("|"), repeated)
    names = set(name.split("|"))
    kind = "file" if names & FILES else "dir" if names & DIRECTORIES else ACCOUNTS.get(name, "text")
    return Value(name, kind, [], repeated)


def operands_of(usage):
    """[DIR | FILE ...] is one operand, repeated; EVENT_ID|SEQ another."""
    text = re.sub(r" ?\| ?", "|", re.sub(r"[\[\]]", "", usage)).replace(" ...", "...")
    found = []
    for word in text.split():
        repeated = word.endswith("...")
        value = value_of(word.removesuffix("..."), repeated=repeated)
        if repeated and "RESOURCE" in value.name.split("|"):
            value.kind = "file"  # among others
        found.append(value)
    return found


def section(text, title):
    """[(name, what it is)] of an indented list below a heading."""
    found = re.search(rf"^{title}[^\n]*:\n((?:  .*\n)+)", text, re.M)
    rows = [re.match(r"  (\S+)(?: {2,}(.*))?", line) for line in found[1].splitlines()] if found else []
    return [(r[1], r[2] or "") for r in rows if r and re.fullmatch(r"[a-z][\w-]*", r[1])]


def read_command(name, about, text):
    command = Command(name, about)
    usage = re.match(r"usage: \S+(?: \S+)? \[options\](.*)", text)
    command.operands = operands_of(usage[1]) if usage else []
    formats = [name for name, _ in section(text, "formats")]
    for line in text.splitlines():
        match = OPTION.match(line)
        if not match:
            continue
        letter, option, value, said = match.groups()
        made = value_of(value, said) if value else None
        if made and value == "FORMAT" and formats:
            made.kind, made.words = "words", formats
        command.options.append(Option(option, letter, made, said))
    return command


def share_words(commands):
    """A value of the same name takes the same words in all commands of a program."""
    known = {}
    for value in (o.value for c in commands for o in c.options if o.value):
        if value.words:
            known.setdefault(value.name, value.words)
    for value in (o.value for c in commands for o in c.options if o.value):
        if not value.words and value.name in known:
            value.kind, value.words = "words", known[value.name]


def read_program(path):
    def say(*words):
        return subprocess.run([path, *words, "--help"], capture_output=True, check=True, text=True).stdout
    text = say()
    program = read_command("", "", text)
    rows = section(text, "commands")
    commands = [program] + [read_command(name, about, say(name)) for name, about in rows]
    if rows:
        program.operands = [Value("COMMAND", "words", [name for name, _ in rows])]
    share_words(commands)
    return commands


# --- bash ----------------------------------------------------------------------------------------------------------

BASH_TASK = r'''
# REPLY: what is to stand behind an option (@flag: nothing) or as operand #N of a command, in words or as @file, @dir,
# @user, @group or @text: nothing is known of it.
_sealwright_@_place()
{
	case $1 in
@PLACES@	*--*) REPLY=@flag ;;
	*) REPLY=@text ;;
	esac
}

# REPLY: the options of a command.
_sealwright_@_options()
{
	REPLY=
	case $1 in
@OPTIONS@	esac
}

# Fill COMPREPLY with the names of files (or of what $3 is) that fit $1, each behind $2. Quoted here, as bash itself would
# not quote all of a name that is not at the beginning of its word; where a quote is open, nothing.
_sealwright_@_names()
{
	local name

	[[ $1 == *[\'\"\`\$]* ]] && return
	compopt -o nospace
	while IFS= read -r name; do
		[[ -d $name ]] && name+=/
		printf -v name %q "$name"
		[[ $name == */ ]] || name+=' '
		COMPREPLY+=("$2$name")
	done < <(compgen -A "$3" -- "$1")
}

# Fill COMPREPLY with what fits $1, each behind $2; $3: what is to stand there.
_sealwright_@_fill()
{
	local word kind=${3#@} IFS=$' \t\n'

	case $3 in
	@file | @dir)
		if [[ ! $2 ]]; then
			if [[ $kind == dir ]]; then compopt -o dirnames; else compopt -o default; fi
		else
			[[ $kind == dir ]] && kind=directory
			_sealwright_@_names "$1" "$2" "$kind"
		fi
		;;
	@user) mapfile -t COMPREPLY < <(compgen -u -P "$2" -- "$1") ;;
	@group) mapfile -t COMPREPLY < <(compgen -g -P "$2" -- "$1") ;;
	@text) ;;
	*)
		for word in $3; do
			[[ $word == "$1"* ]] && COMPREPLY+=("$2$word")
		done
		;;
	esac
	return 0
}

# Bash makes three words of --option=value, and of what else has = or : in it, but not where COMP_WORDBREAKS is another.
_sealwright_@()
{
	local current=${COMP_WORDS[COMP_CWORD]} commands=@COMMANDS@ command='' wanted='' ended='' before='' word i REPLY
	local -i operands=0 glued=0

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $wanted && $word == = ]]; then
			:
		elif [[ $wanted ]]; then
			wanted=
		elif [[ $word == [=:]* ]]; then
			glued=1
		elif ((glued)); then
			glued=0
		elif [[ ! $ended && $word == -- ]]; then
			ended=1
		elif [[ ! $ended && $word == -?* ]]; then
			_sealwright_@_place "$command $word"
			[[ $word == *=* || $REPLY == @flag ]] || wanted=$REPLY
		elif [[ $commands && ! $command ]]; then
			command=$word
			ended=
		else
			operands+=1
		fi
	done
	if [[ $wanted && $current == = ]]; then
		current=
	elif [[ ! $wanted && $current == --*=* ]]; then
		_sealwright_@_place "$command ${current%%=*}"
		wanted=$REPLY before=${current%%=*}= current=${current#*=}
	elif ((glued)) || [[ ! $wanted && $current == [=:]* ]]; then
		return 0
	fi
	if [[ ! $wanted && ! $ended && $current == -* ]]; then
		_sealwright_@_options "$command"
		wanted=$REPLY
	elif [[ ! $wanted ]]; then
		_sealwright_@_place "$command #$operands"
		wanted=$REPLY
	fi
	_sealwright_@_fill "$current" "$before" "$wanted"
}

complete -F _sealwright_@ @
'''


def bash_value(value):
    return " ".join(value.words) if value.words else "@" + value.kind


def bash_places(command):
    for option in command.options:
        names = " | ".join(f"'{command.name} {form}'" for form in option.forms)
        yield names, bash_value(option.value) if option.value else "@flag"
    for i, value in enumerate(command.operands):
        yield f"'{command.name} #{chr(39) + '*' if value.repeated else str(i) + chr(39)}", bash_value(value)


def bash(name, commands):
    places = "".join(f"\t{case}) REPLY='{value}' ;;\n" for c in commands for case, value in bash_places(c))
    options = "".join("\t'{}') REPLY='{}' ;;\n".format(c.name, " ".join(f for o in c.options for f in o.forms))
                      for c in commands)
    text = BASH_TASK.replace("@PLACES@", places).replace("@OPTIONS@", options)
    text = text.replace("@COMMANDS@", "yes" if len(commands) > 1 else "''")
    text = re.sub(r"_sealwright_@", f"_sealwright_{name}", text)
    return (f"# {name}: completion for bash. Made by tools/completion.py from what --help says.\n"
            + text.replace(f"complete -F _sealwright_{name} @", f"complete -F _sealwright_{name} {name}"))


# --- zsh -----------------------------------------------------------------------------------------------------------

ZSH_ACTIONS = {"file": "_files", "dir": "_files -/", "user": "_users", "group": "_groups", "text": " "}


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def zsh_value(value):
    action = f"({' '.join(value.words)})" if value.words else ZSH_ACTIONS[value.kind]
    return f"{value.name}:{action}"


def zsh_option(option):
    said = re.sub(r"([\[\]\\:])", r"\\\1", option.help)
    for form in option.forms:
        taking = "" if not option.value else "=" if form.startswith("--") else ""
        yield quoted(f"*{form}{taking}[{said}]" + (f":{zsh_value(option.value)}" if option.value else ""))


def zsh_operand(i, value):
    """Of what nothing is known, an option that stands there instead must still be completed."""
    guarded = value.kind == "text" and not value.words
    action = f'{value.name}:_guard "^-*" "{value.name}"' if guarded else zsh_value(value)
    return quoted(("*" if value.repeated else str(i + 1)) + ":" + action)


def zsh_arguments(command, indent, last):
    specs = [spec for option in command.options for spec in zsh_option(option)]
    specs = last or specs + [zsh_operand(i, value) for i, value in enumerate(command.operands)]
    return f" \\\n{indent}".join(specs)


def zsh(name, commands):
    lines = [f"#compdef {name}", f"# {name}: completion for zsh. Made by tools/completion.py from what --help says.", ""]
    if len(commands) == 1:
        return "\n".join([*lines, f"_arguments -S \\\n\t{zsh_arguments(commands[0], chr(9), None)}", ""])
    program = [spec for option in commands[0].options for spec in zsh_option(option)]
    program += ["'1:command:->command'", "'*:: :->rest'"]
    rows = [quoted(f"{c.name}:{c.about}") for c in commands[1:]]
    lines += ["local curcontext=$curcontext state line", "local -a commands", "typeset -A opt_args", "",
              "_arguments -C -S \\\n\t" + zsh_arguments(commands[0], "\t", program) + " && return 0", "",
              "case $state in", "command)", "\tcommands=(\n\t\t" + "\n\t\t".join(rows) + "\n\t)",
              f"\t_describe -t commands '{name} command' commands", "\t;;", "rest)",
              f"\tcurcontext=${{curcontext%:*}}-$words[1]:", "\tcase $words[1] in"]
    for c in commands[1:]:
        lines += [f"\t{c.name})", "\t\t_arguments -S \\\n\t\t\t" + zsh_arguments(c, "\t\t\t", None), "\t\t;;"]
    return "\n".join([*lines, "\tesac", "\t;;", "esac", ""])


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: completion.py BUILD")
    build = sys.argv[1]
    for name, where in PROGRAMS.items():
        commands = read_program(os.path.join(build, where))
        write(os.path.join(build, "completion", "bash", name), bash(name, commands))
        write(os.path.join(build, "completion", "zsh", "_" + name), zsh(name, commands))


if __name__ == "__main__":
    main()
