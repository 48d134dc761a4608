"""Writes the record of the chapter `in-words`: what captioners get right, with five seeds.

    OMP_NUM_THREADS=1 python book/results/words.py

Clips of the stores `full` and `partial` in both directions, a quarter of the objects for the test,
another quarter for each seed. A run that the file has already is not repeated; about ten seconds
for each on one quiet core. `words.json` has for each seed and model what `captioning.judge`
says: "exact", "bleu", and "object", "verb" and "extent". "lstm, shuffled" and "lstm, still" are the
trained model "lstm" on shuffled test clips and on the middle frame, held; "one frame" was trained
on the middle frame; "lstm, a beam of 3" is "lstm" with a beam, not greedy.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from quest82.data import synthetic
from quest82.data.sentences import EVERY, Facts, Vocabulary, facts_of
from quest82.essences import EssenceSet
from quest82.learning.captioning import captions, fit_captioner, judge
from quest82.outputs import write_whole
from quest82.systems.captioner import MEMORIES, S2VT, AttendingCaptioner, Captioner
from quest82.systems.initial import drawn

FILE = Path(__file__).with_suffix(".json")
DATA = Path(__file__).parents[1] / "data"
SEEDS, EPOCHS, LEARNING_RATE = (0, 1, 2, 3, 4), 40, 3e-3
VOCABULARY = Vocabulary(sentence for facts in EVERY for sentence in facts.references)
MODELS = ("S2VT", *MEMORIES, "one frame")


def fresh(name: str, seed: int) -> Captioner:
    if name == "S2VT":
        return drawn(lambda: S2VT(1280, len(VOCABULARY)), seed=seed)
    memory = "frames" if name == "one frame" else name
    return drawn(lambda: AttendingCaptioner(1280, len(VOCABULARY), memory=memory), seed=seed)


def judged(model: Captioner, clips: EssenceSet, facts: list[Facts], width: int = 1) -> dict:
    found = judge(captions(model, clips.essences, VOCABULARY, width=width), facts)
    shares = {"exact": found.exact, "bleu": found.bleu} | found.attributes
    return {what: round(share, 4) for what, share in shares.items()}


def runs_of(name: str, seed: int, train: EssenceSet, test: EssenceSet) -> dict[str, dict]:
    if name == "one frame":
        train, test = train.middle_frame(), test.middle_frame()
    facts = facts_of(test)
    references = VOCABULARY.padded([own.references for own in facts_of(train)])
    model = fresh(name, seed)
    options = {"epochs": EPOCHS, "learning_rate": LEARNING_RATE, "seed": seed}
    fit_captioner(model, train.essences, references, **options)
    found = {name: judged(model, test, facts)}
    if name == "lstm":
        still = test.middle_frame().frames(*[0] * test.num_frames)
        shuffled = test.shuffled(torch.Generator().manual_seed(seed))
        found["lstm, shuffled"] = judged(model, shuffled, facts)
        found["lstm, still"] = judged(model, still, facts)
        found["lstm, a beam of 3"] = judged(model, test, facts, width=3)
    return found


def main() -> None:
    runs = json.loads(FILE.read_text("utf-8"))["runs"] if FILE.exists() else {}
    full, partial = (EssenceSet.load(DATA / store) for store in ("full", "partial"))
    clips = full.joined(partial).reversed_pairs(synthetic.REVERSED)
    for seed in SEEDS:
        train, test = clips.split(0.25, seed=seed)
        own = runs.setdefault(str(seed), {})
        for name in MODELS:
            if name in own:
                continue
            own |= runs_of(name, seed, train, test)
            about = {"epochs": EPOCHS, "train": len(train), "test": len(test), "runs": runs}
            write_whole(FILE, f"{json.dumps(about, indent=1)}\n".encode())
            print(seed, name, own[name], file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
