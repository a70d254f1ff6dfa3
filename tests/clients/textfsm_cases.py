#!/usr/bin/env python3
"""Writes what Python's textfsm makes of templates and outputs, sound and spoiled, for `tests/it/textfsm_differential.rs`.

    python3 tests/clients/textfsm_cases.py --corpus ../shared/corpus/ntc cases.jsonl [--seed 6] [--cases 6000]

It needs textfsm and ntc-templates. The same seed, versions and corpus give the same cases. Each line is one case:
a template, an output, and the rows, or the error, or that Python did not end in time: some patterns of
ntc-templates need exponential time where they backtrack. Templates and outputs are those of ntc-templates, as they
are and spoiled, and small made-up ones that combine all that the language has.
"""

import argparse
import io
import json
import multiprocessing
import os
import random
import re
import signal
import sys
import warnings
from collections import Counter
from pathlib import Path

import ntc_templates
import textfsm

TIMEOUT_S = 2
TEMPLATES = Path(ntc_templates.__file__).parent / "templates"
LONGEST = 40_000  # characters of an output that is spoiled; more only takes longer

# What ends a line, is a blank, a digit or a letter in one language and not in the other, or looks like it.
SPECIAL = list(
    "\r\t\v\f\x00\x07\x08\x1b\x1c\x1d\x1e\x1f\x7f\x85\xa0\xad\u1680\u180e\u2003\u200b\u200d\u2028\u2029\u202f\u203f"
    "\u3000\ufeff\u0301\u00e4\u00df\u0130\u0131\u017f\u212a\u0663\u00b2\u00bd\u2167\u24b6\u4e09\u0e33\U0001f600"
) + ["\r\n", "\r\r\n", "\n\r", "\x1b[K", "--More--", "e\u0301"]
# What means something in a pattern or a rule.
MARKS = list("()[]{}|?*+.^$\\-<>=!:,# \t_") + [
    "$$", "${", "->", " -> ", "\\s", "\\S+", "\\d", "\\w", "\\b", "\\<", "\\Z", "\\1", "(?:", "(?=", "(?!", "(?<=",
    "(?P<", "(?i)", "(?i:", "[^", "[[", "&&", "{2}", "{,3}", "{2,", "++", "*?", "\\x41", "\\u00e4", "\\n", "\u00e4", "\u0301",
]  # fmt: skip
OPTIONS = ["Required", "Filldown", "Fillup", "Key", "List"]
ACTIONS = [
    "Next", "Continue", "Error", "Record", "NoRecord", "Clear", "Clearall", "Next.Record", "Continue.Record",
    "Continue.Clear", "Next.Clearall", "Error.Record", "Next.NoRecord", "Record.Next", "Next.Next", "Start", "EOF",
    "End", "Nowhere", "Next Start", "Record Start", "Continue Start", "Continue.Record Start", "Next EOF", "Record End",
    'Error "a message"', 'Next "text"', "Error word", "", " ", "record", "Next..Record", "Next. Record",
]  # fmt: skip


# --- spoiling ------------------------------------------------------------------------------------


def at(rng, text):
    return rng.randrange(len(text) + 1)


def spoil_characters(rng, text, inserted):
    """Drops, doubles, swaps or inserts characters."""
    if not text:
        return rng.choice(inserted)
    place = rng.randrange(len(text))
    kind = rng.randrange(5)
    if kind == 0:
        return text[:place] + text[place + 1 :]
    if kind == 1:
        return text[:place] + text[place] + text[place:]
    if kind == 2:
        return text[:place] + text[place : place + 2][::-1] + text[place + 2 :]
    if kind == 3:
        return text[:place] + rng.choice(inserted) + text[place + 1 :]
    return text[:place] + rng.choice(inserted) + text[place:]


def spoil_lines(rng, lines):
    """Cuts, joins, repeats, drops, swaps or shuffles lines."""
    if not lines:
        return [""]
    place = rng.randrange(len(lines))
    kind = rng.randrange(10)
    if kind == 0:
        lines[place] = lines[place][: at(rng, lines[place])]
    elif kind == 1:
        lines[place] = lines[place][at(rng, lines[place]) :]
    elif kind == 2:
        lines[place : place + 2] = [rng.choice(["", " "]).join(lines[place : place + 2])]
    elif kind == 3:
        lines[place:place] = [lines[place]] * rng.randint(1, 3)
    elif kind == 4:
        del lines[place : place + rng.randint(1, 4)]
    elif kind == 5:
        other = rng.randrange(len(lines))
        lines[place], lines[other] = lines[other], lines[place]
    elif kind == 6:
        part = lines[place : place + rng.randint(2, 12)]
        rng.shuffle(part)
        lines[place : place + len(part)] = part
    elif kind == 7:
        cut = at(rng, lines[place])
        lines[place : place + 1] = [lines[place][:cut], lines[place][cut:]]
    elif kind == 8:
        lines[place] = " " * rng.randint(1, 30) + lines[place] + " " * rng.randint(0, 3)
    else:
        del lines[place:]
    return lines


def spoil_output(rng, output):
    output = output[:LONGEST]
    for _ in range(rng.randint(1, 3)):
        kind = rng.randrange(10)
        if kind < 5:
            output = "\n".join(spoil_lines(rng, output.split("\n")))
        elif kind < 9:
            lines = output.split("\n")
            place = rng.randrange(len(lines))
            lines[place] = spoil_characters(rng, lines[place], SPECIAL)
            output = "\n".join(lines)
        else:
            # One kind of character everywhere.
            old, new = rng.choice([("\n", "\r\n"), ("\n", "\r"), ("\n", "\n\n"), (" ", "\t"), (" ", "\xa0"), ("\n", "\u2028")])
            output = output.replace(old, new)
    return output


def spoil_value(rng, line):
    """Changes the options of a Value or anything else in its line."""
    kind = rng.randrange(4)
    words = line.split(" ")
    if kind == 0 and len(words) > 2:
        options = rng.choice(["", *OPTIONS, "List,Filldown", "Filldown,List", "Required,List", "List,Required", "Fillup,List"])
        if words[2].startswith("("):
            words[1:1] = [options] if options else []
        elif options:
            words[1] = options
        else:
            del words[1]
        return " ".join(words)
    if kind == 1 and len(words) > 2:
        place = rng.randrange(1, len(words))
        words[place] = spoil_characters(rng, words[place], MARKS)
        return " ".join(words)
    return spoil_characters(rng, line, MARKS + SPECIAL[:8])


def spoil_rule(rng, line):
    """Changes the action of a rule or anything else in its line."""
    kind = rng.randrange(5)
    pattern, arrow, _ = line.rpartition(" -> ")
    if kind == 0:
        return f"{pattern if arrow else line} -> {rng.choice(ACTIONS)}"
    if kind == 1 and arrow:
        return pattern
    if kind == 2 and arrow:
        return spoil_characters(rng, pattern, MARKS) + line[len(pattern) :]
    return spoil_characters(rng, line, MARKS + SPECIAL[:8])


def spoil_template(rng, template):
    for _ in range(rng.choice([1, 1, 1, 2])):
        lines = template.split("\n")
        values = [i for i, line in enumerate(lines) if line.startswith("Value ")]
        rules = [i for i, line in enumerate(lines) if line.lstrip().startswith("^")]
        states = [i for i, line in enumerate(lines) if re.fullmatch(r"\w+", line)]
        kind = rng.randrange(10)
        if kind < 3 and values:
            place = rng.choice(values)
            lines[place] = spoil_value(rng, lines[place])
        elif kind < 7 and rules:
            place = rng.choice(rules)
            lines[place] = spoil_rule(rng, lines[place])
        elif kind == 7 and states:
            place = rng.choice(states)
            lines[place] = rng.choice([lines[place] + "s", lines[place] + " ", " " + lines[place], "EOF", "End", "Next", "Start"])
        elif kind == 8:
            place = rng.randrange(len(lines))
            if rng.random() < 0.5:
                del lines[place]
            else:
                other = rng.randrange(len(lines))
                lines[place], lines[other] = lines[other], lines[place]
        elif kind == 9 and rng.random() < 0.5:
            lines.insert(at(rng, lines), rng.choice(["", " ", "EOF", "End", "\nEOF", "\n# note", "  ^.*", "  # note", "\tx"]))
        else:
            lines = spoil_lines(rng, lines)
        template = "\n".join(lines)
    return template


# --- making --------------------------------------------------------------------------------------

ATOMS = [
    "a", "b", "1", "-", " ", ".", "\\S", "\\s", "\\d", "\\w", "\\W", "\\D", "[ab]", "[^a]", "[a-c1]", "[\\w-]", "[\\s\\d]", "[^\\W1]",
    "\u00e4", "\\.", "\\x61", "[]a]", "a|b", "^", "$$", "\\b", "\\Z", "{", "}", "[[:a]", "\\-",
]  # fmt: skip
REPEATS = ["", "", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{,2}", "{1,}", "++", "?+", "{,}", "{a}"]
GROUPS = ["(?:%s)", "(%s)", "(?=%s)", "(?!%s)", "(?<=a)%s", "(?<!b)%s", "(?>%s)", "(?i:%s)", "(?P<g%d>%%s)", "(%s)\\1", "(?#x)%s"]
WORDS = ["a", "b", "ab", "1", "a1", "-", " ", "  ", "aa", "A", "\u00e4", "ba-1", "c", "\t", "\u0663", "\u00b2", "e\u0301", "{", "\x1f"]


def pattern(rng, depth=0):
    """A small pattern, of which most are sound."""
    parts = []
    for _ in range(rng.randint(1, 3)):
        if depth < 2 and rng.random() < 0.25:
            group = rng.choice(GROUPS)
            if "%d" in group:
                group %= rng.randrange(100)
            part = group % pattern(rng, depth + 1)
        else:
            part = rng.choice(ATOMS)
        parts.append(part + rng.choice(REPEATS))
    return "".join(parts)


def made(rng):
    """A small template of everything there is, with an output that its rules partly match."""
    names = "ABC"[: rng.randint(1, 3)]
    lines = []
    for name in names:
        options = rng.sample(OPTIONS, rng.choice([0, 0, 1, 1, 2, 3]))
        own = rng.choice(["a*", "\\S+", "b?", "\\d+", ".*", "((?P<n>a)|(?P<m>b))", "(a)|(b)", "\\w+", pattern(rng).replace("$$", "$")])
        own = re.sub(r"\?P<([nm])>", rf"?P<\g<1>{name}>", own)
        lines.append(" ".join(["Value", *filter(None, [",".join(options)]), name, f"({own})"]))
    states = ["Start", "Two"][: rng.randint(1, 2)]
    for state in states:
        lines += ["", state]
        for _ in range(rng.randint(1, 6)):
            parts = rng.sample([f"${{{rng.choice(names)}}}", pattern(rng), rng.choice(ATOMS), " ", f"(?:${{{rng.choice(names)}}})?"], rng.randint(1, 3))
            line = rng.choice(["", "", "Next", "Next", "Continue", "Continue", "Error"])
            record = rng.choice(["", "Record", "Record", "Record", "Clear", "Clearall", "NoRecord"])
            target = "" if line in ("Continue", "Error") or rng.random() < 0.7 else rng.choice([*states, "EOF", "End"])
            if line == "Error" and rng.random() < 0.8:
                line = ""
            action = " ".join(filter(None, [".".join(filter(None, [line, record])), target]))
            lines.append(f"  ^{''.join(parts)}" + (f" -> {action}" if action else ""))
    if rng.random() < 0.3:
        lines += ["", rng.choice(["EOF", "End"])]
    output = "".join("".join(rng.choices(WORDS, k=rng.randint(0, 4))) + "\n" for _ in range(rng.randint(1, 12)))
    return "\n".join(lines) + "\n", output


# --- asking --------------------------------------------------------------------------------------


class TooSlow(BaseException):
    """Not an Exception, so that nothing between takes it for one."""


def too_slow(*_):
    raise TooSlow


def shown(value):
    """A value as ntc-templates shows it: what is in a List is made a text, but for its named groups."""
    if isinstance(value, list):
        return [item if isinstance(item, dict) else str(item) for item in value]
    return value


def ask(case):
    warnings.simplefilter("ignore", FutureWarning)
    signal.signal(signal.SIGALRM, too_slow)
    signal.setitimer(signal.ITIMER_REAL, TIMEOUT_S)
    try:
        rows = textfsm.TextFSM(io.StringIO(case["template"], newline=None)).ParseText(case["output"])
        case["rows"] = [[shown(value) for value in row] for row in rows]
    except TooSlow:
        case["timeout"] = True
    except Exception as error:  # whatever it is, it has no rows
        case["error"] = f"{type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    answer = next(answer for answer in ("rows", "error", "timeout") if answer in case)
    return answer, json.dumps(case, ensure_ascii=True)


def corpus(directory):
    """The outputs with their templates, in a fixed order. Several templates of one output are asked one by one."""
    found = []
    for path in sorted(Path(directory).glob("*/*.json")):
        case = json.loads(path.read_text(encoding="utf-8"))
        # As ntc-templates' own tests read them, a line ends with a line feed.
        output = path.with_suffix(".raw").read_text(encoding="utf-8")
        found += [(f"{case['id']}/{name}", TEMPLATES / name, output) for name in case["templates"]]
    return [(name, path.read_text(encoding="utf-8"), output) for name, path, output in found if path.exists()]


def cases(seed, most, known):
    """All cases as they are, then as many others as there is room for."""
    for name, template, output in known[:most]:
        yield {"id": name, "template": template, "output": output}
    short = [one for one in known if len(one[2]) < 4000]
    for number in range(most - len(known)):
        rng = random.Random(f"{seed}/{number}")
        kind = ["output", "template", "made", "output", "template", "both"][number % 6]
        if kind == "made":
            name, (template, output) = "made", made(rng)
        else:
            name, template, output = rng.choice(known if kind == "output" else short)
        if kind in ("template", "both"):
            template = spoil_template(rng, template)
        if kind in ("output", "both"):
            output = spoil_output(rng, output)
        yield {"id": f"{number} {kind} {name}", "template": template, "output": output}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="where the cases go")
    parser.add_argument("--corpus", required=True, help="a directory of outputs, <platform>/<name>.raw and .json")
    parser.add_argument("--seed", default="6", help="another seed gives other cases")
    parser.add_argument("--cases", type=int, default=6000, help="how many")
    arguments = parser.parse_args()
    known = corpus(arguments.corpus)
    if not known:
        sys.exit(f"{arguments.corpus} holds no outputs")
    counts = Counter()
    made = cases(arguments.seed, arguments.cases, known)
    with open(arguments.file, "w", encoding="ascii") as file, multiprocessing.Pool(os.cpu_count()) as pool:
        for answer, line in pool.imap(ask, made, chunksize=16):
            file.write(line + "\n")
            counts[answer] += 1
    said = ", ".join(f"{count} {answer}" for answer, count in sorted(counts.items()))
    print(f"{sum(counts.values())} cases of seed {arguments.seed}: {said}")


if __name__ == "__main__":
    main()
