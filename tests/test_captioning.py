"""Captioning: true sentences, beams that miss nothing, BLEU by hand, and what a mean cannot say."""

import itertools
import math
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import nn

from quest82 import plots
from quest82.data import synthetic
from quest82.data.clip_set import ClipSet
from quest82.data.sentences import (
    ATTRIBUTES,
    CLAUSES,
    EVERY,
    Facts,
    Vocabulary,
    facts_of,
    right_attributes,
)
from quest82.essences import EssenceSet
from quest82.learning.bleu import bleu, brevity_penalty, clipped_matches, closest_length
from quest82.learning.captioning import captions, fit_captioner, judge, word_loss
from quest82.systems.beams import beam_search, greedy
from quest82.systems.captioner import MEMORIES, S2VT, AttendingCaptioner, Captioner
from quest82.systems.initial import drawn

VOCABULARY = Vocabulary(sentence for facts in EVERY for sentence in facts.references)
SMALL = {"projection_size": 8, "hidden_size": 6, "word_size": 4, "dropout": 0.0}
MAKERS = {
    "S2VT": S2VT,
    **{m: lambda D, V, m=m, **o: AttendingCaptioner(D, V, memory=m, **o) for m in MEMORIES},
}


def small(name, num_words=7):
    """A captioner of random weights in double precision, and essences (3, 4, 5)."""
    model = drawn(lambda: MAKERS[name](5, num_words, **SMALL), seed=1, dtype=torch.float64)
    essences = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(2)).double()
    return model.eval(), essences


def clips(action, number, swing):
    one = ClipSet(
        labels=[0],
        groups=("a",),
        clip_ids=(f"{action}/{action}-{swing}-0-{number:04d}.mp4",),
        classes=(action,),
    )
    return one.pairs(synthetic.REVERSED).clips


class TestSentences:
    def test_every_class_has_clauses_and_no_two_clips_share_a_sentence(self):
        assert set(CLAUSES) == {*synthetic.REVERSED, *synthetic.REVERSED.values()}
        every = [sentence for facts in EVERY for sentence in facts.references]
        assert len(every) == len(set(every)) == 16 * 2 * 4

    @pytest.mark.parametrize("facts", EVERY)
    def test_true_sentences_are_right_in_all_attributes(self, facts):
        for sentence in facts.references:
            assert all(right_attributes(sentence, facts).values())
            assert sentence not in facts._replace(whole_way=not facts.whole_way).references

    def test_each_attribute_is_wrong_by_itself(self):
        facts = Facts("open_door", True)
        for name, sentence in {
            "object": "the book opens all the way",
            "verb": "the door closes all the way",
            "extent": "the door opens part of the way",
        }.items():
            right = right_attributes(sentence, facts)
            assert [n for n in ATTRIBUTES if not right[n]] == [name]

    def test_to_say_both_or_nothing_is_wrong(self):
        facts = Facts("open_door", True)
        said = right_attributes("the door opens closes fully", facts)
        assert said == {"object": True, "verb": False, "extent": True}
        assert not any(right_attributes("", facts).values())
        assert not right_attributes("the door opens fullyish", facts)["extent"]

    @pytest.mark.parametrize("swing", ["full", "partial"])
    def test_facts_are_those_of_the_states(self, swing):
        forwards, backwards = facts_of(clips("open_door", 3, swing))
        states = synthetic.states_of("open_door", 3, swing=swing)
        assert forwards == ("open_door", np.ptp(states) == 1)
        assert backwards == ("close_door", forwards.whole_way)
        assert forwards.whole_way == (swing == "full")

    def test_states_are_those_of_the_rendered_clip(self):
        states = synthetic.states_of("raise_blind", 2, swing="partial", seed=4)
        lengths = []
        options = {"swing": "partial", "seed": 4}
        synthetic.render("raise_blind", 2, **options, frames_of=lambda n: lengths.append(n) or [0])
        assert lengths == [len(states)]
        assert 0.25 <= np.ptp(states) <= 0.5

    def test_other_clips_are_refused(self):
        strange = replace(clips("open_door", 0, "full"), clip_ids=("a.mp4", "b.mp4"))
        with pytest.raises(ValueError, match=r"'a\.mp4'.*synthesize"):
            facts_of(strange)

    def test_words_come_back(self):
        for sentence in EVERY[0].references:
            coded = VOCABULARY.encode(sentence)
            assert VOCABULARY.decode([*coded, 0, 0]) == sentence
        assert VOCABULARY.words[:3] == ("<pad>", "<start>", "<end>")
        assert list(VOCABULARY.words[3:]) == sorted(VOCABULARY.words[3:])
        padded = VOCABULARY.padded([EVERY[0].references, EVERY[1].references])
        assert [VOCABULARY.decode(w) for w in padded[1].tolist()] == list(EVERY[1].references)
        with pytest.raises(ValueError, match="'cat'"):
            VOCABULARY.encode("the cat opens")


def table_step(tables):
    """A language of which the next word depends on the words so far, by a table of logits."""

    def step(words, state):
        (before,) = state  # (B, n), the words so far
        before = torch.cat([before, words[:, None]], dim=1)
        logits = torch.stack([tables[tuple(row[1:].tolist())] for row in before])
        return logits, (before,)

    return step


def random_language(V, longest, seed):
    """Logits after each beginning; the last word is the end."""
    generator, tables = torch.Generator().manual_seed(seed), {}
    others = [k for k in range(V) if k != 2]
    for n in range(longest):
        for words in itertools.product(others, repeat=n):
            logits = 2 * torch.randn(V, generator=generator).double()
            if n == longest - 1:
                logits[others] = float("-inf")
            tables[words] = logits
    return tables


def exhaustive(tables, power=0.0):
    """All sentences, by a plain loop: score and words, best first."""
    found = []
    for words, logits in tables.items():
        p = sum(
            float(tables[words[:n]].log_softmax(0)[word]) for n, word in enumerate(words)
        ) + float(logits.log_softmax(0)[2])
        found.append((p / (len(words) + 1) ** power, (*words, 2)))
    return sorted(found, reverse=True)


START = (torch.zeros(1, 0, dtype=torch.long),)


class TestBeams:
    @pytest.mark.parametrize("seed", range(5))
    @pytest.mark.parametrize("power", [0.0, 1.0])
    def test_as_wide_as_the_vocabulary_it_is_exhaustive_on_two_words(self, seed, power):
        tables = random_language(4, 2, seed)
        found = beam_search(table_step(tables), START, width=4, length_power=power)
        assert [one.words for one in found] == [words for _, words in exhaustive(tables, power)]

    @pytest.mark.parametrize("power", [0.0, 0.7])
    def test_as_wide_as_all_beginnings_it_is_exhaustive(self, power):
        tables = random_language(4, 4, 7)
        found = beam_search(table_step(tables), START, width=4**3, length_power=power)
        truth = exhaustive(tables, power)
        assert [one.words for one in found] == [words for _, words in truth]
        assert np.allclose([one.score for one in found], [score for score, _ in truth])

    def test_all_sentences_together_have_probability_one(self):
        found = beam_search(table_step(random_language(4, 3, 0)), START, width=64)
        assert math.isclose(sum(math.exp(one.log_probability) for one in found), 1, rel_tol=1e-9)

    def test_greedy_falls_for_the_better_first_word(self):
        """Word 3 (0.6) goes on in two ways of 0.3 each; word 4 (0.4) in one."""
        even = torch.tensor([0, 0, 0, 0.5, 0.5]).log()
        end = torch.tensor([0, 0, 1.0, 0, 0]).log()
        tables = dict.fromkeys([(3, 3), (3, 4), (4,)], end) | {(3,): even}
        tables[()] = torch.tensor([0, 0, 0, 0.6, 0.4]).log()
        step = table_step(tables)
        assert greedy(step, START).tolist() == [[3, 3, 2]]
        best = beam_search(step, START, width=2)[0]
        assert best.words == (4, 2)
        assert math.isclose(best.log_probability, math.log(0.4), rel_tol=1e-6)

    def test_a_length_power_prefers_the_longer_sentence(self):
        """ "3 4 4." has 0.4 in all, and more per word than "3." with 0.6."""
        end = torch.tensor([0, 0, 1.0, 0, 0]).log()
        on = torch.tensor([0, 0, 0, 0, 1.0]).log()
        tables = {(): torch.tensor([0, 0, 0, 1.0, 0]).log(), (3, 4): on, (3, 4, 4): end}
        tables[(3,)] = torch.tensor([0, 0, 0.6, 0, 0.4]).log()
        short, long = (
            beam_search(table_step(tables), START, width=2, length_power=power)[0].words
            for power in (0, 1)
        )
        assert (short, long) == ((3, 2), (3, 4, 4, 2))

    @pytest.mark.parametrize("name", MAKERS)
    def test_a_beam_of_one_is_greedy(self, name):
        model, essences = small(name)
        together = greedy(model.step, model.start(essences), most_words=6)
        for essence, words in zip(essences, together.tolist(), strict=True):
            one = beam_search(model.step, model.start(essence[None]), width=1, most_words=6)[0]
            ended = words.index(2) + 1 if 2 in words else len(words)
            assert list(one.words) == words[:ended]

    def test_what_does_not_end_is_cut_off(self):
        tables = random_language(4, 5, 3)
        for logits in tables.values():
            logits[2] = -1e9
        found = beam_search(table_step(tables), START, width=2, most_words=3)
        assert all(len(one.words) == 3 for one in found)

    def test_widths_and_states_are_checked(self):
        step = table_step(random_language(4, 2, 0))
        with pytest.raises(ValueError, match=r"width \(0\)"):
            beam_search(step, START, width=0)
        with pytest.raises(ValueError, match="2"):
            beam_search(step, (torch.zeros(2, 0, dtype=torch.long),), width=1)


class TestCaptioners:
    @pytest.mark.parametrize("name", MAKERS)
    def test_teacher_forcing_is_steps(self, name):
        model, essences = small(name)
        words = torch.tensor([[3, 4, 2], [5, 2, 0], [6, 3, 2]])
        logits, state = model(essences, words), model.start(essences)
        assert logits.shape == (3, 3, 7)
        for n, before in enumerate([torch.ones(3, dtype=torch.long), *words[:, :-1].T]):
            step, state = model.step(before, state)
            assert torch.allclose(step, logits[:, n])

    @pytest.mark.parametrize("name", MAKERS)
    def test_words_to_come_do_not_matter_and_clips_do_not_mix(self, name):
        model, essences = small(name)
        words = torch.tensor([[3, 4, 2], [5, 2, 0], [6, 3, 2]])
        other = words.clone()
        other[:, 1:], other[1:, 0] = 5, 4
        logits = model(essences, words)
        assert torch.allclose(logits[:, 0], model(essences, other)[:, 0])
        assert torch.allclose(logits[:1], model(essences[:1], words[:1]))

    @pytest.mark.parametrize("name", MAKERS)
    def test_only_some_know_the_order(self, name):
        """The mean and the frames without positions say the same of a clip and its reverse."""
        model, essences = small(name)
        words = torch.tensor([[3, 4, 2]] * 3)
        same = torch.allclose(model(essences, words), model(essences.flip(1), words))
        assert same == (name in ("mean", "frames"))

    def test_the_same_mean_means_the_same_sentences(self):
        model, essences = small("mean")
        other = essences.mean(dim=1, keepdim=True).expand(-1, 9, -1)
        words = torch.tensor([[3, 4, 2]] * 3)
        assert torch.allclose(model(essences, words), model(other, words))
        frames, _ = small("frames")
        assert not torch.allclose(frames(essences, words), frames(other, words))

    def test_what_a_word_sees_is_a_weighted_mean_of_the_memory(self):
        """One clip and word at a time, by loops over frames."""
        model, essences = small("lstm")
        state = model.start(essences)
        logits, (hidden, _, memory, weights) = model.step(torch.tensor([1, 3, 4]), state)
        for b in range(3):
            asked = model.query.weight @ hidden[b]
            scores = [math.exp((asked @ frame).item() / 6**0.5) for frame in memory[b]]
            shares = [score / sum(scores) for score in scores]
            seen = sum(share * frame for share, frame in zip(shares, memory[b], strict=True))
            assert np.allclose(weights[b].detach(), shares)
            assert torch.allclose(model.head(torch.cat([hidden[b], seen])), logits[b])

    @pytest.mark.parametrize("name", MEMORIES)
    def test_weights_over_frames_sum_to_one(self, name):
        model, essences = small(name)
        _, state = model.step(torch.tensor([1, 1, 1]), model.start(essences))
        assert state[-1].shape == (3, 1 if name == "mean" else 4)
        assert torch.allclose(state[-1].sum(dim=1), torch.ones(3).double())

    def test_s2vt_is_two_cells_step_by_step(self):
        """The same weights in PyTorch's single steps: frames without words, then the reverse."""
        model, essences = small("S2VT")
        words = torch.tensor([[3, 4, 2]] * 3)
        lower, upper = nn.LSTMCell(8, 6).double(), nn.LSTMCell(10, 6).double()
        for cell, whole in ((lower, model.of_frames), (upper, model.of_words)):
            cell.load_state_dict({k[:-3]: v for k, v in whole.state_dict().items()})
        scaled = (essences - model.scaled.running_mean) / (model.scaled.running_var + 1e-5).sqrt()
        frames = [*model.projection(scaled).unbind(1), *torch.zeros(3, 3, 8).double()]
        said = [torch.zeros(3, 4).double()] * 4 + list(model.embedding.weight[[1, 3, 4]])
        first = second = None
        for n, (frame, word) in enumerate(zip(frames, said, strict=True)):
            first = lower(frame, first)
            second = upper(torch.cat([first[0], word.expand(3, 4)], dim=1), second)
            if n >= 4:
                assert torch.allclose(model.head(second[0]), model(essences, words)[:, n - 4])

    def test_unknown_memories_are_refused_and_the_base_does_nothing(self):
        with pytest.raises(ValueError, match="'tape'"):
            AttendingCaptioner(5, 7, memory="tape")
        with pytest.raises(NotImplementedError):
            Captioner(5, 7).start(torch.zeros(1, 1, 5))
        with pytest.raises(NotImplementedError):
            Captioner(5, 7).write(torch.zeros(1, 1, dtype=torch.long), ())


def slow_bleu(written, references, longest=4):
    """BLEU once more, word by word, with lists alone."""
    product = 1.0
    for n in range(1, longest + 1):
        right = total = 0
        for sentence, own in zip(written, references, strict=True):
            words = sentence.split()
            grams = [words[k : k + n] for k in range(len(words) - n + 1)]
            total += len(grams)
            for gram in [g for k, g in enumerate(grams) if g not in grams[:k]]:
                counts = []
                for reference in own:
                    of = reference.split()
                    counts.append(sum(of[k : k + n] == gram for k in range(len(of) - n + 1)))
                right += min(grams.count(gram), max(counts))
        product *= right / total if total else 0
    c = sum(len(s.split()) for s in written)
    r = 0
    for sentence, own in zip(written, references, strict=True):
        lengths = sorted(len(o.split()) for o in own)
        r += sorted(lengths, key=lambda x: abs(x - len(sentence.split())))[0]
    return product ** (1 / longest) * (1 if c >= r else math.exp(1 - r / c))


class TestBleu:
    def test_the_examples_of_the_paper(self):
        references = ["the cat is on the mat", "there is a cat on the mat"]
        assert clipped_matches("the the the the the the the", references, 1) == (2, 7)
        first = (
            "it is a guide to action which ensures that the military always obeys the commands of "
            "the party"
        )
        second = (
            "it is to insure the troops forever hearing the activity guidebook that party direct"
        )
        references = [
            "it is a guide to action that ensures that the military will forever heed party "
            "commands",
            "it is the guiding principle which guarantees the military forces always being under "
            "the command of the party",
            "it is the practical guide for the army always to heed the directions of the party",
        ]
        assert clipped_matches(first, references, 1) == (17, 18)
        assert clipped_matches(first, references, 2) == (10, 17)
        assert clipped_matches(second, references, 1) == (8, 14)
        assert clipped_matches(second, references, 2) == (1, 13)

    def test_by_hand(self):
        """5 of 6 words and 4 of 5 pairs, long enough; then 4 words for 6."""
        written, references = ["the door opens all the lid"], [["the door opens all the way"]]
        assert clipped_matches(written[0], references[0], 2) == (4, 5)
        assert math.isclose(bleu(written, references, longest=2), (5 / 6 * 4 / 5) ** 0.5)
        assert math.isclose(bleu(["a b c d"], [["a b c d e f"]]), math.exp(1 - 6 / 4))

    def test_the_closest_reference_gives_the_length(self):
        assert closest_length("a b c", ["a b c d e", "a b", "a b c d"]) == 2
        assert brevity_penalty(0, 3) == 0

    def test_true_sentences_score_one_and_counts_are_added_first(self):
        every = [facts.references for facts in EVERY]
        assert bleu([own[-2] for own in every], every) == 1
        pair = ["the door opens all the way", "a b c d e"]
        assert 0 < bleu(pair, [["the door opens all the way"], ["x"]]) < 1
        assert bleu(pair[1:], [["x"]]) == 0

    @pytest.mark.parametrize("longest", [1, 2, 4])
    @pytest.mark.parametrize("seed", range(6))
    def test_it_is_that_of_a_plain_loop(self, seed, longest):
        rng = np.random.default_rng(seed)

        def sentence():
            return " ".join(rng.choice(list("abc"), rng.integers(1, 9)))

        written = [sentence() for _ in range(5)]
        references = [[sentence() for _ in range(rng.integers(1, 4))] for _ in written]
        assert math.isclose(
            bleu(written, references, longest=longest), slow_bleu(written, references, longest)
        )

    def test_nothing_is_refused(self):
        with pytest.raises(ValueError, match="at least one"):
            bleu([], [])
        with pytest.raises(ValueError, match="each with one reference"):
            bleu(["a"], [[]])


def test_two_sets_are_joined():
    def store(name, classes=("a", "b")):
        return EssenceSet(
            essences=torch.ones(2, 3, 4),
            labels=[0, 1],
            groups=(name, name + "'"),
            clip_ids=(name + "0", name + "1"),
            classes=classes,
        )

    both = store("x").joined(store("y"))
    assert both.clip_ids == ("x0", "x1", "y0", "y1")
    assert both.labels.tolist() == [0, 1, 0, 1] and both.essences.shape == (4, 3, 4)
    with pytest.raises(ValueError, match="same classes"):
        store("x").joined(store("y", ("a", "c")))


def test_the_figure_shows_each_word_and_frame():
    weights = np.array([[0.25, 0.75], [1.0, 0.0]])
    axes = plots.looked_at({"forwards": (["the", "door"], weights), "x": (["a"], weights[:1])})
    assert [label.get_text() for label in axes.get_yticklabels()] == ["the", "door"]
    assert np.array_equal(axes.images[0].get_array(), weights)
    plt.close(axes.figure)


class TestLearning:
    def toy(self):
        """Two objects and two directions: a ramp up or down, in essences of three numbers."""
        facts = [Facts(c, True) for c in ("open_door", "close_door", "open_book", "close_book")]
        ramp = torch.linspace(-1, 1, 4)
        rows = [
            torch.stack([ramp * way, torch.full((4,), thing), torch.ones(4)], dim=1)
            for thing in (-1.0, 1.0)
            for way in (1, -1)
        ]
        return torch.stack(rows).repeat(4, 1, 1), facts * 4

    @pytest.mark.parametrize("name", ["S2VT", "lstm", "positions", "mean"])
    def test_the_direction_is_learned_where_order_is_known(self, name):
        essences, facts = self.toy()
        options = {"projection_size": 16, "hidden_size": 24, "word_size": 8, "dropout": 0.0}
        model = drawn(lambda: MAKERS[name](3, len(VOCABULARY), **options), seed=0)
        before = torch.get_rng_state()
        references = VOCABULARY.padded([own.references for own in facts])
        losses = fit_captioner(
            model, essences, references, epochs=150, learning_rate=0.03, batch_size=16
        )
        assert torch.equal(before, torch.get_rng_state())
        assert losses[-1] < losses[0]
        for width in (1, 3):
            judged = judge(captions(model, essences, VOCABULARY, width=width), facts)
            assert judged.attributes["object"] == judged.attributes["extent"] == 1
            assert judged.attributes["verb"] == (0.5 if name == "mean" else 1)
            assert judged.exact == judged.attributes["verb"]

    def test_pads_cost_nothing(self):
        logits = torch.randn(2, 3, 7, generator=torch.Generator().manual_seed(0))
        words = torch.tensor([[3, 2, 0], [4, 5, 2]])
        chances = logits.log_softmax(-1)
        by_hand = [chances[0, 0, 3], chances[0, 1, 2]]
        by_hand += [chances[1, 0, 4], chances[1, 1, 5], chances[1, 2, 2]]
        assert torch.allclose(word_loss(logits, words), -torch.stack(by_hand).mean())

    def test_references_are_of_the_clips(self):
        model, essences = small("mean")
        with pytest.raises(ValueError, match=r"2 clips.*\(3\)"):
            fit_captioner(model, essences, torch.zeros(2, 1, 3, dtype=torch.long))
