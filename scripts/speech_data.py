#!/usr/bin/env python3
"""Makes data/digits: strings of three to six digits, spoken by espeak-ng (and flite, where it is installed) to train on, by other
espeak-ng voices to validate and to test, and put together from the words that a person recorded for asterisk.

  scripts/speech_data.py [--recordings FOLDER] [--train N] [--test N] [--output FOLDER]

--recordings: the folder with digits/0.wav to 9.wav of Debian's asterisk-core-sounds-en-wav (voice: Allison Smith, CC-BY-SA-3.0).
Needs espeak-ng. The same call makes the same strings; the waveforms are those of the installed espeak-ng.
"""
import argparse, array, pathlib, random, shutil, subprocess, sys, wave

WORDS = "zero one two three four five six seven eight nine".split()
TRAIN_ACCENTS = ["en-us", "en-gb", "en-gb-x-rp", "en-gb-x-gbclan", "en-029"]
TRAIN_VARIANTS = ["", "f1", "f2", "f3", "m1", "m2", "m3", "m4", "m5", "m6", "klatt", "klatt2", "klatt3", "klatt4", "Adam", "Alex", "Alicia",
                  "Andrea", "Annie", "Belinda", "Denis", "Ed", "Gene", "Henrique", "Jacky", "Lee", "Linda", "Marco", "Max", "Michael",
                  "Paul", "Quincy", "Rob", "Steph", "anika", "croak", "grandma", "grandpa", "victor", "whisperf"]
# Neither these variants nor these accents are heard in training.
TEST_VOICES = ["en-us+f4", "en-us+m7", "en-us+f5", "en-us+Mario", "en-gb-scotland+m8", "en-gb-scotland+shelby", "en-gb-x-gbcwmd+Zac",
               "en-gb-x-gbcwmd+travis"]
VAL_VOICES = ["en-us+David", "en-gb+Storm", "en-gb-scotland+f4", "en-us+sandro"]
FLITE_VOICES = ["slt", "rms", "awb", "kal16"]
TELEPHONE = 8000


def spoken(text, voice, dice, path):
    command = ["espeak-ng", "-v", voice, "-s", str(dice.randint(110, 200)), "-p", str(dice.randint(20, 85)), "-g", str(dice.randint(0, 8)),
               "-w", str(path), text]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


def flite(text, voice, dice, path):
    command = ["flite", "-voice", voice, "--setf", f"duration_stretch={dice.uniform(0.8, 1.4):.2f}", "-t", text, "-o", str(path)]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def digits(dice):
    return [dice.choice(WORDS) for _ in range(dice.randint(3, 6))]


def made(folder, name, count, dice, speak):
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    lines = []
    for i in range(count):
        said = digits(dice)
        path = place / f"{i:05}.wav"
        speak(said, dice, path)
        lines.append(f"{name}/{path.name}\t{' '.join(said)}\n")
    (folder / f"{name}.tsv").write_text("".join(lines), encoding="utf-8")
    print(f"speech_data.py: {folder / name}.tsv made: {count} recordings", file=sys.stderr)


def samples_of(path):
    with wave.open(str(path)) as file:
        if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (1, 2, TELEPHONE):
            sys.exit(f"speech_data.py: {path}: expected 16 bits, one channel, {TELEPHONE} samples a second")
        return array.array("h", file.readframes(file.getnframes()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=pathlib.Path)
    parser.add_argument("--train", type=int, default=2000)
    parser.add_argument("--test", type=int, default=240)
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("data/digits"))
    options = parser.parse_args()
    if not shutil.which("espeak-ng"):
        sys.exit("speech_data.py: needs espeak-ng: apt-get install espeak-ng")
    has_flite = shutil.which("flite") is not None

    def train_voice(said, dice, path):
        if has_flite and dice.random() < 0.35:
            flite(dice.choice([" ", ", "]).join(said), dice.choice(FLITE_VOICES), dice, path)
        else:
            variant = dice.choice(TRAIN_VARIANTS)
            spoken(" ".join(said), dice.choice(TRAIN_ACCENTS) + ("+" + variant if variant else ""), dice, path)

    made(options.output, "train", options.train, random.Random(1), train_voice)
    made(options.output, "val", options.test // 2, random.Random(2),
         lambda said, dice, path: spoken(" ".join(said), dice.choice(VAL_VOICES), dice, path))
    made(options.output, "test", options.test, random.Random(3),
         lambda said, dice, path: spoken(" ".join(said), dice.choice(TEST_VOICES), dice, path))
    if options.recordings is None:
        return
    words = {word: samples_of(options.recordings / "digits" / f"{i}.wav") for i, word in enumerate(WORDS)}

    def recorded(said, dice, path):
        joined = array.array("h")
        for word in said:
            joined.extend(words[word])
            joined.extend([0] * dice.randint(0, TELEPHONE // 5))
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(TELEPHONE)
            file.writeframes(joined.tobytes())

    made(options.output, "recorded", options.test // 2, random.Random(4), recorded)


if __name__ == "__main__":
    main()
