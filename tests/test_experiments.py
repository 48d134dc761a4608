"""Experiments: what is declared is recorded, runs, and goes on after a kill."""

import copy
import json
import re
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
import torch

from quest82.data.clips import Clip
from quest82.essences import EssenceSet
from quest82.experiments import comparison, drawn, records, reports, running
from quest82.experiments.declarations import DECLARED, named
from quest82.experiments.directions import by_kind, direction_hits, overall
from quest82.experiments.drawn import Motions, Scenes
from quest82.experiments.grounds import Data, Maps
from quest82.experiments.models import MODELS, SEES, Model, chosen
from quest82.experiments.protocols import HoldOut, LeaveOut, OfficialSplits, Watched
from quest82.experiments.spec import Spec
from quest82.experiments.training import Attempt, Budget
from quest82.frames.transforms import ClipTransform
from quest82.learning.evaluation import judge
from quest82.systems.mobilenet import MobileNetV2Extractor

# Searches of a learning rate, and the experiments that take what they found.
SEARCHES = {
    "systems_rates": ["systems"],
    "systems_maps_rates": ["systems_maps", "systems_cycles"],
}
BOOK = Path(__file__).parents[1] / "book"
QUICK = Budget(epochs=1)


def spec_of(protocol, **changes):
    small = {"projection_size": 8, "hidden_size": 8}
    models = (Model("mean"), Model("small", "lstm", small), Model("last", "mean", {}, "last frame"))
    made = Spec("made up", Data("nowhere"), models, (0, 1), QUICK, protocol)
    return replace(made, **changes)


def without_times(record):
    content = copy.deepcopy(record.content)
    for run in content["runs"]:
        del run["seconds"]
    return content


class TestDeclared:
    """Every experiment of the book; a declared one can never rot."""

    @pytest.mark.parametrize("name", DECLARED)
    def test_its_record_is_of_this_experiment_and_of_these_clips(self, name, monkeypatch):
        record, spec = records.load(BOOK / "results" / f"{name}.json"), DECLARED[name]
        assert record.spec == spec
        assert record.content["hash"] == spec.hash
        assert not list(record.missing())
        # Which clips these are does not depend on what they show, and that takes long to draw.
        monkeypatch.setattr(Scenes, "_drawn", lambda self, *_: torch.zeros(1, 3, 1, 1))
        monkeypatch.setattr(drawn, "_essences_of", lambda clips, size: clips)
        data = spec.data.open(BOOK / "data")
        assert record.clips.clip_ids == data.clip_ids
        assert record.clips.labels.tolist() == data.labels.tolist()
        assert record.clips.groups == data.groups

    # The models of a search are those of the experiment that it is for, at more than one rate.
    @pytest.mark.parametrize("name", [name for name in DECLARED if name not in SEARCHES])
    def test_its_tiny_variant_runs(self, name, tmp_path):
        tiny = DECLARED[name].tiny()
        data = tiny.data.open(BOOK / "data")
        assert data.labels.bincount().max() <= 8  # four, and their reverses
        record = running.run(tiny, data, tmp_path / "r.json")
        assert reports.describe(comparison.report(record))

    @pytest.mark.parametrize(("search", "names"), SEARCHES.items())
    def test_rates_are_those_that_watched_clips_chose(self, search, names):
        record = records.load(BOOK / "results" / f"{search}.json")
        usual, found = record.spec.budget.learning_rate, {}
        for name, runs in record.evaluations().items():
            model, rate = name.rsplit(" at ", 1)
            right = sum(run.top1 for run in runs.values())
            found.setdefault(model, []).append((right, float(rate) == usual, float(rate)))
        for name in names:
            for model in DECLARED[name].models:
                _, _, best = max(found[model.name])  # of two equal ones that of the budget
                assert best == (model.learning_rate or DECLARED[name].budget.learning_rate)

    def test_a_search_never_sees_a_clip_that_is_tested(self):
        for search, names in SEARCHES.items():
            (tried,) = records.load(BOOK / "results" / f"{search}.json").parts
            (held_out,) = DECLARED[names[0]].protocol.parts(
                DECLARED[names[0]].data.open(BOOK / "data")
            )
            assert tried.test.tolist() == held_out.watched.tolist()
            used = {*tried.train.tolist(), *tried.test.tolist()}
            assert used == {*held_out.train.tolist()}
            assert not len(tried.watched)

    def test_weizmann_is_what_the_chapter_prints(self):
        found = records.load(BOOK / "results" / "weizmann.json").evaluations()
        cells = nbformat.read(BOOK / "ucf101.ipynb", 4).cells
        printed = "".join(o.get("text", "") for c in cells for o in c.get("outputs", []))
        for title, name in (("mean", "mean"), ("LSTM", "lstm")):
            for seed, result in found[name].items():
                assert f"{title} seed {seed}: {result.top1:.0%} (" in printed

    def test_there_is_no_other(self):
        with pytest.raises(ValueError, match="must be one of weizmann"):
            named("nothing")


class TestSpec:
    def test_equal_ones_have_equal_hashes_and_come_back_from_json(self):
        kinds = (LeaveOut(), LeaveOut(3), HoldOut(0.5), Watched(0.5), OfficialSplits((1, 3)))
        for protocol in kinds:
            spec = spec_of(protocol)
            again = Spec.from_json(json.loads(json.dumps(spec.to_json())))
            assert again == spec
            assert again.hash == spec.hash

    def test_every_setting_changes_the_hash(self):
        spec = spec_of(LeaveOut())
        others = [
            replace(spec, name="other"),
            replace(spec, data=Data("nowhere", task="direction")),
            replace(spec, data=Data("nowhere", frames=(0, 1))),
            replace(spec, models=spec.models[::-1]),
            replace(spec, seeds=(0, 2)),
            replace(spec, budget=Budget(epochs=2)),
            replace(spec, protocol=LeaveOut(2)),
            spec.tiny(),
        ]
        assert len({one.hash for one in [spec, *others]}) == len(others) + 1

    def test_the_hash_is_the_same_on_every_machine(self):
        known = "ed177bd2efff50487145f8498f94baabadbff83d18b68c27190241d105d71a94"
        assert Spec("a", Data("b"), MODELS, (0,), Budget(), LeaveOut()).hash == known

    def test_few_clips_are_spread_over_the_store(self, make_set):
        data = make_set(num_clips=60, num_classes=3)
        few = Data("", clips_per_class=4, frames=(0, -1)).cut(data)
        assert few.labels.bincount().tolist() == [4, 4, 4]
        assert len(set(few.groups)) == 4
        assert few.num_frames == 2
        assert len(Data("", clips_per_class=99).cut(data)) == 60

    @pytest.mark.parametrize(
        ("make", "said"),
        [
            (lambda: spec_of(LeaveOut(), models=MODELS[:1]), "at least two"),
            (lambda: spec_of(LeaveOut(), models=MODELS + MODELS[:1]), r"models \('mean'\)"),
            (lambda: spec_of(LeaveOut(), seeds=()), "at least one, and differ"),
            (lambda: spec_of(LeaveOut(), seeds=(1, 1)), "at least one, and differ"),
            (lambda: Data("x", task="sing"), r"task \('sing'\)"),
            (lambda: Model("mean", sees="nothing"), r"sees \('nothing'\)"),
            (lambda: Budget(precision="float8"), r"precision \('float8'\)"),
            (lambda: chosen(["mean", "nobody"]), r"model \('nobody'\)"),
        ],
    )
    def test_what_cannot_be_is_refused(self, make, said):
        with pytest.raises(ValueError, match=said):
            make()

    def test_models_are_chosen_by_name(self):
        assert chosen(None) == MODELS
        assert [model.name for model in chosen(["attention", "mean"])] == ["attention", "mean"]


def test_no_room_but_the_registry_names_what_is_compared():
    """Declarations and what they compare name their models; the palette has colours for two."""
    allowed = {"models.py", "compared.py", "declarations.py", "style.py"}
    package = BOOK.parent / "quest82"
    for wing in ("cli", "experiments", "plots"):
        for path in (package / wing).glob("*.py"):
            wired = re.search(r"""["']lstm["']""", path.read_text("utf-8"))
            assert not wired or (path.name in allowed and wing != "cli"), path


ON_MAPS = {"mean over places", "places side by side"}


def test_maps_are_read_as_frames_as_their_mean_and_side_by_side():
    data = Maps("partial_maps").open(BOOK / "data")
    assert data.shown.shape[1:] == (8, 64, 4, 4)
    assert len(data.classes) == 16
    mean = SEES["mean over places"](data, 0)
    torch.testing.assert_close(mean.essences, data.tensors.float().mean(dim=(3, 4)))
    flat = SEES["places side by side"](data, 0)
    assert torch.equal(flat.essences.unflatten(2, (64, 4, 4)), data.tensors)
    assert flat.clip_ids == mean.clip_ids == data.clip_ids


@pytest.mark.parametrize("sees", sorted(SEES.keys() - ON_MAPS))
def test_what_a_model_sees_are_frames_of_the_same_clips(sees, make_set):
    data = make_set()
    seen = SEES[sees](data, 1)
    assert seen.clip_ids == data.clip_ids
    assert torch.equal(seen.essences, SEES[sees](data, 1).essences)
    if sees != "middle frame":
        frames = {tuple(frame.tolist()) for frame in data.essences[0]}
        assert {tuple(frame.tolist()) for frame in seen.essences[0]} <= frames


class TestRecord:
    def test_it_goes_on_after_a_kill_and_is_the_same(self, make_set, tmp_path, monkeypatch):
        data, spec = make_set(num_clips=36), spec_of(LeaveOut(2))
        whole = running.run(spec, data, tmp_path / "whole.json")
        fresh, calls = Attempt._fresh, []

        def killed(*arguments):
            calls.append(arguments)
            if len(calls) == 8:  # in the middle of the third run
                raise KeyboardInterrupt
            return fresh(*arguments)

        monkeypatch.setattr(Attempt, "_fresh", killed)
        with pytest.raises(KeyboardInterrupt):
            running.run(spec, data, tmp_path / "cut.json")
        monkeypatch.undo()
        cut = records.load(tmp_path / "cut.json")
        assert len(cut.content["runs"]) == 2
        told = []
        again = running.run(spec, data, tmp_path / "cut.json", tell=told.append)
        assert len(told) == 4
        assert without_times(again) == without_times(whole)
        assert records.load(tmp_path / "cut.json").content == again.content
        before = (tmp_path / "cut.json").read_bytes()
        running.run(spec, data, tmp_path / "cut.json")
        assert (tmp_path / "cut.json").read_bytes() == before

    def test_its_answers_are_those_of_the_models(self, make_set, tmp_path):
        data, spec = make_set(num_clips=48), spec_of(HoldOut(0.5))
        record = running.run(spec, data, tmp_path / "r.json")
        record = records.load(tmp_path / "r.json")
        train, test = data.split(0.5)
        assert record.tested().clip_ids == test.clip_ids
        for model in spec.models[:2]:
            for seed, run in record.runs()[model.name].items():
                fresh = Attempt(model, seed, QUICK).teach(train, None, test)
                assert run.parameters == fresh.parameters
                for direction, answer in fresh.answers.items():
                    kept = run.answers[direction]
                    assert torch.equal(kept.predictions, answer.predictions)
                    assert (kept.top5, kept.top1) == (answer.top5, answer.top1)
                    assert torch.allclose(kept.logits, answer.logits, rtol=1e-3, atol=1e-4)
                    assert torch.equal(kept.confusion, answer.confusion)

    def test_half_precision_changes_no_answer(self):
        generator = torch.Generator().manual_seed(0)
        logits = 5 + torch.randn(200, 101, generator=generator)
        logits[100:] = 5 + 1e-3 * logits[100:]  # so close that most become equal
        labels = torch.arange(200) % 101
        entry = records._encode(judge(logits, labels))
        assert entry["number"] == "float16"
        kept, exact = judge(records._decode(entry), labels), judge(logits, labels)
        assert not torch.equal(logits.half().float().argmax(1), exact.predictions)
        assert torch.equal(kept.predictions, exact.predictions)
        assert (kept.top1, kept.top5) == (exact.top1, exact.top5)
        assert torch.allclose(kept.logits, logits, rtol=0.005)

    def test_what_half_precision_cannot_hold_is_kept_in_single(self):
        logits = torch.tensor([[1e5, 2e5]])
        entry = records._encode(judge(logits, torch.tensor([1])))
        assert entry["number"] == "float32"
        assert torch.equal(records._decode(entry), logits)

    def test_the_report_is_that_of_a_comparison_without_a_record(self, make_set, tmp_path):
        data = make_set(num_clips=72)
        spec = spec_of(HoldOut(0.5), models=MODELS)
        record = running.run(spec, data, tmp_path / "r.json", about={"title": "made up"})
        (part,) = comparison.report(record)["splits"]
        assert part.pop("split") == "split by group"
        sides = data.split(0.5)
        assert part == comparison.compare(*sides, num_seeds=2, budget=QUICK)

    def test_it_grows_when_models_or_seeds_are_added(self, make_set, tmp_path):
        data, path = make_set(), tmp_path / "r.json"
        few = spec_of(LeaveOut(2), seeds=(0,))
        gru = Model("gru", options=few.models[1].options)
        more = replace(few, models=(*few.models, gru), seeds=(0, 1))
        kept = running.run(few, data, path).content["runs"]
        grown = running.run(more, data, path)
        assert grown.spec.hash == more.hash
        assert grown.content["runs"][: len(kept)] == kept
        assert list(grown.runs()) == [model.name for model in more.models]
        changed = replace(more, models=(Model("mean", sees="first frame"), *more.models[1:]))
        for other in (few, changed):
            with pytest.raises(ValueError, match="another experiment"):
                running.run(other, data, path)

    def test_one_of_another_experiment_or_of_other_clips_is_refused(self, make_set, tmp_path):
        data, spec, path = make_set(), spec_of(LeaveOut(2), seeds=(0,)), tmp_path / "r.json"
        running.run(spec, data, path)
        with pytest.raises(ValueError, match=r"another experiment \(seeds is \[0\] there and"):
            running.run(replace(spec, seeds=(1,)), data, path)
        with pytest.raises(ValueError, match="other clips"):
            running.run(spec, data.subset(range(20)), path)
        content = json.loads(path.read_text())
        content["spec"]["seeds"] = [5]
        path.write_text(json.dumps(content))
        with pytest.raises(ValueError, match="changed by hand"):
            records.load(path)
        path.write_text("[]")
        with pytest.raises(ValueError, match="not a record of quest82"):
            records.load(path)
        with pytest.raises(ValueError, match="there is no such record"):
            records.load(tmp_path / "none.json")

    def test_it_says_what_made_it_but_not_where(self, make_set, tmp_path):
        record = running.run(spec_of(LeaveOut(2)), make_set(), tmp_path / "r.json")
        (made_with,) = record.content["made_with"]
        assert set(made_with) == {"quest82", "torch", "python", "processor", "cores"}
        assert made_with["processor"]


def test_a_direction_is_told_between_a_class_and_its_reverse_alone():
    logits = torch.tensor([[1.0, 2, 9, 0], [1, 2, 9, 0], [1, 1, 0, 0], [0, 0, 3, 1]])
    hits = direction_hits(logits, torch.tensor([0, 1, 0, 2]))
    assert hits.tolist() == [0, 1, 0.5, 1]


def test_directions_are_judged_kind_by_kind(tmp_path):
    ground = Motions(num_objects=8, kinds=("across", "turn"), size=8)
    models = (Model("single_frame"), Model("early_fusion", options={"num_frames": 8}))
    spec = Spec(
        "s", ground, models=models,
        seeds=(0, 1), budget=Budget(epochs=1), protocol=HoldOut(0.5),
    )  # fmt: skip
    assert Spec.from_json(spec.to_json()) == spec
    record = running.run(spec, ground.open(tmp_path), tmp_path / "r.json")
    record = records.load(tmp_path / "r.json")
    found = by_kind(record)
    assert list(found) == ["single_frame", "early_fusion"]
    for kinds in found.values():
        assert list(kinds) == ["right", "turn right"]
        for figure in kinds.values():
            low, high = figure["interval"]
            assert 0 <= low <= figure["average"] <= high <= 1
    of_kinds = [figure["average"] for figure in found["early_fusion"].values()]
    average, low, high = overall(record, of="early_")["fusion"]
    assert low <= average <= high
    assert average == pytest.approx(sum(of_kinds) / 2)  # as many clips of each kind
    # Played backwards, whoever was right about the direction is wrong.
    backwards = by_kind(record, answers="backwards")
    for kind, figure in found["early_fusion"].items():
        other = backwards["early_fusion"][kind]["average"]
        assert figure["average"] == pytest.approx(1 - other)


def test_official_splits_are_those_of_the_data_set(tmp_path):
    ids = [f"Biking/v_Biking_g{g:02d}_c0{c}.avi" for g in range(1, 26) for c in (1, 2)]
    ids += [name.replace("Biking", "Diving") for name in ids]
    clips = [Clip(name, name[:6], f"{name[:6]} {name[-10:-8]}", Path(name)) for name in ids]
    data = EssenceSet(
        essences=torch.zeros(len(ids), 1, 2), labels=[int(c.label == "Diving") for c in clips],
        groups=tuple(c.group for c in clips), clip_ids=tuple(ids), classes=("Biking", "Diving"),
    )  # fmt: skip
    parts = list(OfficialSplits((1, 3)).parts(data))
    assert [part.name for part in parts] == ["split 1", "split 3"]
    for part, tested in zip(parts, (range(1, 8), range(15, 22)), strict=True):
        assert {int(ids[row][-10:-8]) for row in part.test} == set(tested)
        assert len(part.train) + len(part.test) == len(ids)
        assert not {data.groups[row] for row in part.train} & {
            data.groups[row] for row in part.test
        }


def test_too_few_groups_leave_nobody_to_watch(make_set):
    with pytest.raises(ValueError, match="leave no clips to watch; add some"):
        list(Watched(0.5).parts(make_set(num_clips=12)))


def test_scenes_and_their_reverses_share_their_frames():
    ground = Scenes("cycle", clips_per_action=2, num_frames=5, size=16, num_actions=1)
    data = ground.open("nowhere")
    assert data.tensors.shape == (4, 5, 3, 16, 16)
    assert data.classes == ("red_green_amber", "red_amber_green")
    forwards, backwards = data.tensors[data.labels == 0], data.tensors[data.labels == 1]
    assert torch.equal(backwards, forwards.flip(1))
    assert not torch.equal(backwards, forwards)
    assert len(set(data.groups)) == 2  # a clip and its reverse are of one object
    assert torch.equal(data.tensors, ground.open("elsewhere").tensors)


def test_motions_are_seen_by_the_frozen_network_too():
    ground = Motions(num_objects=2, kinds=("across",), essences_at=32)
    seen, frames = ground.open("nowhere"), replace(ground, essences_at=None).open("nowhere")
    assert seen.clip_ids == frames.clip_ids
    assert seen.classes == frames.classes
    extractor = MobileNetV2Extractor().eval()
    clip = ClipTransform(32)(frames.tensors[3])
    with torch.no_grad():
        expected = extractor(clip[None])[0]
    torch.testing.assert_close(seen.essences[3], expected, atol=1e-3, rtol=1e-2)
