#!/usr/bin/env python3
"""Makes a stream of events of the ChangeLogs of glibc (Debian's package glibc-doc).

    scripts/glibc_events.py FOLDER OUTPUT.csv [FROM TO]

An event is an author who changes a file on a day: src ("author 17", numbered on first sight), dst (the file's path), time (seconds
since 1970 of the day, UTC). Ties keep the order of the files' entries. FROM and TO are years, both included. Prints what it wrote.
"""
import datetime
import gzip
import pathlib
import re
import sys

MONTHS = {name: i + 1 for i, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split())}
NEW_HEADER = re.compile(r"^(\d{4})-(\d\d)-(\d\d)\s+(?:\d\d:\d\d(?::\d\d)?\s+)?(?:[+-]\d{4}\s+)?(\S.*?)\s*(?:<|\(|$)")
OLD_HEADER = re.compile(r"^[A-Z][a-z]{2}\s+([A-Z][a-z]{2})\s+(\d{1,2})\s+[\d:]+(?:\s+[A-Z]{2,4})?\s+(\d{4})\s+(\S.*?)\s*(?:<|\(|$)")
ENTRY = re.compile(r"^\t\* ?(.*)")
PATH = re.compile(r"^[\w.+~/-]*\w[\w.+~/-]*$")


def day_and_author(line):
    if found := NEW_HEADER.match(line):
        year, month, day, author = found.groups()
    elif found := OLD_HEADER.match(line):
        name, day, year, author = found.groups()
        month = MONTHS.get(name)
    else:
        return None
    try:
        return datetime.date(int(year), int(month), int(day)), " ".join(author.split())
    except (TypeError, ValueError):
        return None


def files_of(text):
    """The paths before the first parenthesis or colon."""
    head = re.split(r"[(:\[<]", text, maxsplit=1)[0]
    return [path for path in (part.strip() for part in head.split(",")) if PATH.match(path)]


def events_of(lines):
    """Of one file, in its order: entries are newest first."""
    entries, current = [], None
    pending = ""
    for line in lines:
        if line[:1] not in ("\t", " ", "", "\n"):
            current = day_and_author(line)
            if current:
                entries.append((current, []))
            pending = ""
        elif current:
            entry = ENTRY.match(line)
            text = entry.group(1).rstrip() if entry else (pending + line.strip() if pending else "")
            pending = ""
            # A list of files may go on in the next line.
            if text.endswith(",") and not re.search(r"[(:]", text):
                pending = text + " "
            else:
                entries[-1][1].extend(files_of(text))
    return entries


def main():
    folder, output = pathlib.Path(sys.argv[1]), sys.argv[2]
    first, last = (int(sys.argv[3]), int(sys.argv[4])) if len(sys.argv) > 4 else (1991, 9999)
    entries = []
    for path in sorted(folder.glob("ChangeLog*")):
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rb") as file:
            found = events_of(file.read().decode("utf-8", "replace").splitlines())
        entries.extend(reversed(found))
    entries.sort(key=lambda entry: entry[0][0])  # stable
    authors, files, rows = {}, set(), []
    for (day, author), paths in entries:
        if not paths or not first <= day.year <= last:
            continue
        number = authors.setdefault(author, len(authors))
        seconds = (day - datetime.date(1970, 1, 1)).days * 86400
        for path in paths:
            files.add(path)
            rows.append(f"author {number},{path},{seconds}\n")
    with open(output, "w", encoding="utf-8") as file:
        file.write("src,dst,time\n" + "".join(rows))
    span = sorted(day for (day, _), paths in entries if paths and first <= day.year <= last)
    print(f"{output}: {len(rows)} events, {len(authors)} authors, {len(files)} files, {span[0]} to {span[-1]}")


if __name__ == "__main__":
    main()
