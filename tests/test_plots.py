"""What the figures of a report show, read from their axes."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from quest82 import plots


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_differences_lean_to_the_model_that_is_ahead():
    rows = {"a": (0.25, 0.1, 0.4), "b": (-0.5, -0.75, 0.0)}
    axes = plots.differences({("mean", "LSTM"): rows}, x="points")
    bars = [bar for bar in axes.patches if bar.get_width()]
    assert [bar.get_width() for bar in bars] == [25, -50]
    assert [to_hex(bar.get_facecolor()).upper() for bar in bars] == [
        plots.COLOURS["mean"],
        plots.COLOURS["lstm"],
    ]
    assert [tuple(line.get_xdata()) for line in axes.lines[:2]] == [(10, 40), (-75, 0)]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    key = axes.get_legend()
    assert [to_hex(patch.get_facecolor()).upper() for patch in key.get_patches()] == [
        plots.COLOURS["mean"],
        plots.COLOURS["lstm"],
    ]


def test_models_without_a_colour_of_their_own_take_the_next_of_the_palette():
    colours = plots.colours_of(["mean", "GRU", "LSTM", "TRN", "a", "b", "c"])
    assert (colours["mean"], colours["LSTM"]) == (plots.COLOURS["mean"], plots.COLOURS["lstm"])
    assert len({colours[name] for name in ("mean", "GRU", "LSTM", "TRN", "a", "b")}) == 6
    rows = {"x": (0.25, 0.1, 0.4)}
    axes = plots.differences({("mean", "GRU"): rows, ("mean", "TRN"): rows}, x="points")
    keys = [axis.get_legend() for axis in axes.figure.axes]
    shown = [to_hex(key.get_patches()[1].get_facecolor()).upper() for key in keys]
    assert shown == [colours["GRU"], colours["TRN"]]


def test_grouped_bars_stand_side_by_side_without_overlap():
    axes = plots.grouped_bars({"mean": {"p": 3, "q": 1}, "LSTM": {"p": 0, "q": 2}}, x="clips")
    assert [bar.get_width() for bar in axes.patches] == [3, 1, 0, 2]
    ends = sorted((bar.get_y(), bar.get_y() + bar.get_height()) for bar in axes.patches)
    assert all(low >= high - 1e-9 for (_, high), (low, _) in zip(ends, ends[1:], strict=False))


def test_paired_dots_stand_in_the_order_of_the_lead():
    values = {"mean": {"a": 5.0, "b": 9.0, "c": 2.0}, "LSTM": {"a": 5.0, "b": 4.0, "c": 6.0}}
    axes = plots.paired_dots(values, x="people")
    assert [label.get_text() for label in axes.get_yticklabels()] == ["b", "a", "c"]
    *links, mean, lstm = axes.lines
    assert [tuple(link.get_xdata()) for link in links] == [(9, 4), (5, 5), (2, 6)]
    assert [list(dots.get_xdata()) for dots in (mean, lstm)] == [[9, 5, 2], [4, 5, 6]]
    assert (mean.get_color(), lstm.get_color()) == (plots.COLOURS["mean"], plots.COLOURS["lstm"])
    assert mean.get_markersize() > lstm.get_markersize()  # so that two that are equal are both seen


def test_dots_of_a_group_share_a_sign():
    axes = plots.dots(
        {"a": ([0, 1], [2, 3]), "b": ([4], [5])}, x="share (%)", y="time (s)", level=1
    )
    line, *drawn = axes.lines
    assert list(line.get_ydata()) == [1, 1]
    assert [own.get_xydata().tolist() for own in drawn] == [[[0, 2], [1, 3]], [[4, 5]]]
    assert len({(own.get_color(), own.get_marker()) for own in drawn}) == 2
    (key,) = axes.figure.legends
    assert [text.get_text() for text in key.get_texts()] == ["a", "b"]


def test_named_dots_say_two_more_things_by_colour_and_shape():
    points = {
        "a": (2012, 44.5, "frames", "nothing"),
        "b": (2014, 88.0, "flow", "images"),
        "c": (2015, 82.6, "frames", "images"),
    }
    axes = plots.named_dots(points, x="year", y="top-1 (%)", left=["b"])
    signs = [(own.get_marker(), own.get_color()) for own in axes.lines]
    assert signs[0][0] == signs[2][0] != signs[1][0]
    assert signs[1][1] == signs[2][1] != signs[0][1]
    assert [(own.get_text(), own.get_ha()) for own in axes.texts] == [
        ("a", "left"),
        ("b", "right"),
        ("c", "left"),
    ]
    (key,) = axes.figure.legends
    shown = [text.get_text() for text in key.get_texts()]
    assert shown == ["nothing", "images", "frames", "flow"]


def test_save_writes_the_figure_and_lets_it_go(tmp_path):
    plots.save(plots.grouped_bars({"mean": {}}, x="clips"), tmp_path / "empty.png")
    assert plt.imread(tmp_path / "empty.png").ndim == 3
    assert not plt.get_fignums()


def test_costs_come_with_the_straight_line_that_fits():
    axes = plots.costs({"frames": {1: 3.0, 2: 5.0, 4: 9.0}, "pixels": {10: 1.0, 20: 4.0}}, y="ms")
    line, dots = axes.lines
    assert list(dots.get_ydata()) == [3, 5, 9]
    assert line.get_ydata() == pytest.approx([3, 5, 9])
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_ylim()[0]) == ("frames", "ms", 0)
    higher = plots.costs({"a": {1: 1, 2: 2}, "b": {1: 5, 2: 30}}, y="ms")
    assert higher.get_ylim()[1] > 30


def test_accuracies_stand_beside_one_dotted_line_or_several_or_those_of_a_panel():
    results = {"model": (0.8, 0.7, 0.9)}
    lines = ((0.5, [50]), ([0.5, 0.75], [50, 75]), ({"": 0.1}, [10]), ({"other": 0.1}, []))
    for ceiling, drawn in lines:
        axes = plots.accuracy_panels({"": results}, ceiling=ceiling)
        dotted = [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == ":"]
        assert dotted == drawn


def test_ranked_models_stand_in_order_in_the_colour_of_their_kind():
    kinds = {"old": {"a": (0.6, 0.5, 0.7), "b": (0.9, 0.8, 0.95)}, "new": {"c": (0.7, 0.6, 0.8)}}
    axes = plots.ranked(kinds)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["b", "c", "a"]
    drawn = [line for line in axes.lines if line.get_marker() == "o"]
    assert [line.get_xdata()[0] for line in drawn] == pytest.approx([90, 70, 60])
    assert drawn[0].get_color() == drawn[2].get_color() != drawn[1].get_color()
    axes = plots.ranked(kinds, apart=True)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]
    near, far = axes.get_yticks()[1:] - axes.get_yticks()[:-1]
    assert near == 1 < far
    (key,) = axes.figure.legends
    assert [text.get_text() for text in key.get_texts()] == ["old", "new"]


def test_networks_and_maps_are_drawn():
    layers = [[[0, 1], [2, 3]], [[0, 1]]]
    assert plots.networks({"a": layers}, num_frames=4).get_title(loc="left") == "a"
    assert plots.similarity({"a": np.eye(3)}).get_ylabel() == "frame"
    assert len(plots.planes({"r": {"a": np.ones((2, 5))}}).collections) == 1


def test_place_runs_to_the_right_and_time_downwards():
    values = np.array([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, -4.0], [0.0, 0.0, 0.0]])
    axes = plots.space_time({"slanted": values})
    (image,) = axes.images
    assert np.array_equal(image.get_array(), values) and image.get_clim() == (-4, 4)
    assert image.get_extent() == [-1.5, 1.5, 3.5, -0.5]  # the first frame is on top
    bars = plots.space_time({"a": values, "b": -values, "c": values}, sums=True)
    assert [bar.get_width() for bar in bars.patches] == [1, 2, -4, 0]
    shown = [axis.get_title(loc="left") for axis in bars.figure.axes]
    assert [title for title in shown if title] == ["a", "b", "c"]
    assert (bars.get_xlabel(), bars.figure.axes[4].get_xlabel()) == ("", "place")


def test_maps_are_white_at_zero_and_take_sides_by_their_sign():
    shown = plots.coloured(torch.tensor([[[0.0, 2.0, -2.0, 9.0]]]), most=2.0)
    assert shown.shape == (1, 3, 1, 4) and shown.dtype == torch.uint8
    white, red, blue, beyond = shown[0, :, 0].T.long()
    assert white.min() > 240
    assert red[0] > red[2] + 50 and blue[2] > blue[0] + 50
    assert torch.equal(beyond, red)
    assert plots.coloured(torch.zeros(2, 3, 3)).min() > 240


def test_costs_are_shown_with_intervals_in_colours_of_families():
    dots = {"a": plots.Dot(5, 0.5, 0.4, 0.6), "b": plots.Dot(50, 0.9, 0.8, 1.0)}
    families = {"a": "images", "b": "volumes"}
    axes = plots.cost_panels({"right": dots, "up": dots}, families)
    assert axes.get_title(loc="left") == "right"
    assert [text.get_text() for text in axes.figure.legends[0].get_texts()] == ["images", "volumes"]
    rows = plots.named_costs(dots, families)
    assert [label.get_text() for label in rows.get_yticklabels()] == ["a", "b"]


class TestTable:
    def test_as_text_its_columns_are_aligned(self):
        table = plots.Table(["system", "%", "cost"], [["a", "7", "1,000"], ["longer", "100", "8"]])
        lines = repr(table).split("\n")
        assert lines[0] == "system    %   cost"
        assert lines[1:] == ["a         7  1,000", "longer  100      8"]

    def test_as_html_it_says_what_heads_rows_and_columns_and_nothing_is_markup(self):
        found = plots.Table(["a<b", "c"], [["x", "1 & 2"]])._repr_html_()
        assert '<th scope="col">a&lt;b</th>' in found
        assert '<th scope="row">x</th><td>1 &amp; 2</td>' in found

    def test_shares_above_chance_are_shaded(self):
        row = ["x", "50%", "75%", "100%", "12", "-"]
        found = plots.Table(["a", *"bcdef"], [row], chance=50)._repr_html_()
        assert re.findall(r"rgba\(.*?([\d.]+)\)", found) == ["0.25", "0.50"]

    def test_headings_stand_above_their_rows_and_the_best_of_a_row_is_bold(self):
        rows = [["x", "1,200.5", "7", "-"], ["y", "3 (1-4)", "3 (2-4)", "2"], ["z", "5", "6", "7"]]
        table = plots.Table(
            ["a", *"bcd"], rows, heads={0: "costs", 1: "gains"}, better=[min, max, None]
        )
        lines = repr(table).split("\n")
        assert [line.split()[0] for line in lines] == ["a", "costs", "x", "gains", "y", "z"]
        found = table._repr_html_()
        assert re.findall("<b>(.*?)</b>", found) == ["7", "3 (1-4)", "3 (2-4)"]
        assert re.findall(r'colspan="4">(\w+)<', found) == ["costs", "gains"]
        assert "sortable" not in found and "sortable" in plots.Table(["a"], [["x"]])._repr_html_()

    def test_a_row_of_another_length_is_refused(self):
        with pytest.raises(ValueError, match="has 1 cells and the header 2"):
            plots.Table(["a", "b"], [["x"]])
        with pytest.raises(ValueError, match="better has 2 entries and the table 1 rows"):
            plots.Table(["a", "b"], [["x", "1"]], better=[max, min])


def test_each_question_has_a_row_with_an_answer_of_its_kind():
    questions = {"What?": "label", "When?": "segments", "Where?": "boxes"}
    axes = plots.task_rows(questions)
    assert [label.get_text() for label in axes.get_yticklabels()] == list(questions)
    assert {text.get_text() for text in axes.texts} == {"“opens a door”", "opens", "closes"}
    with pytest.raises(KeyError, match="nothing"):
        plots.task_rows({"What?": "nothing"})


def test_systems_on_two_grounds_keep_their_names_apart():
    points = {"a_b": (0.5, 0.9), "c": (0.8, 0.9), "d": (0.6, 0.5)}
    axes = plots.two_grounds(points, dict.fromkeys(points, "one"), x="first", y="second")
    dots = [line.get_xydata()[0] for line in axes.lines if line.get_marker() == "o"]
    assert sorted(map(tuple, dots)) == [(50, 90), (60, 50), (80, 90)]
    heights = sorted(text.get_position()[1] for text in axes.texts)
    assert {text.get_text() for text in axes.texts} == {"a b", "c", "d"}
    assert min(np.diff(heights)) > 2.5


def test_a_way_has_a_start_an_end_and_heads_that_point_forwards():
    turns = np.linspace(0, 2 * np.pi, 30)
    around = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    axes = plots.tracks({"a": {"circle": around, "short": around[:3] / 9}})
    way, start, end = axes.lines
    assert len(way.get_xdata()) == 30
    assert (start.get_xydata()[0] == around[0]).all() and (end.get_xydata()[0] == around[-1]).all()
    assert len(axes.texts) == 3 and len(axes.figure.axes[1].texts) == 1
    numbered = plots.numbered({"a": around[::10], "b": around[5::10]}, full=around)
    assert [text.get_text() for text in numbered.texts] == ["1", "2", "3"]
    assert numbered.lines[1].get_xydata()[0] == pytest.approx(around[::10].mean(axis=0))


def test_units_are_sorted_and_candidates_have_two_colours():
    gates, candidates = np.array([[0.9, 0.1], [0.7, 0.3]]), np.array([[0.5, -0.5], [0.1, 0.2]])
    axes = plots.unit_maps({"forget": gates, "candidate": candidates})
    first, second = (axis.images[0] for axis in axes.figure.axes[:2])
    assert np.array_equal(first.get_array(), [[0.1, 0.3], [0.9, 0.7]])
    assert (first.get_clim(), second.get_clim()) == ((0, 1), (-1, 1))


def test_each_panel_of_a_unit_has_its_own_axis_and_stands_above_the_frames():
    clip = torch.zeros(3, 3, 20, 20, dtype=torch.uint8)
    unit = {"forget gate": {"forwards": [0.5, 0.6, 0.7]}, "vote": {"forwards": [-5, 0, 9]}}
    axes = plots.unit_curves({"a": unit, "b": unit}, {"forwards": clip})
    panels = axes.figure.axes
    assert axes.get_ylim() == (0, 1.05)
    assert panels[2].get_ylim()[1] > 9 and len(panels[2].lines) == 2
    assert panels[4].images[0].get_array().shape == (20, 66, 3)


def test_three_panels_stand_in_a_row_and_share_their_names():
    rows = {"mean": (0.5, 0.4, 0.6), "LSTM": (1.0, 0.9, 1.0)}
    axes = plots.accuracy_panels({"a": rows, "b": rows, "c": rows}, ceiling=0.5, columns=3)
    panels = axes.figure.axes
    assert len({panel.get_position().y0 for panel in panels}) == 1
    named = [panel.yaxis.get_tick_params()["labelleft"] for panel in panels]
    assert named == [True, False, False]
    assert axes.figure.get_supxlabel() == "accuracy (%)" and not axes.get_xlabel()


def test_frames_stand_below_their_path_and_a_strip_has_a_line_for_each():
    walk = np.array([[0.0, 0], [1, 0], [2, 1]])
    image = np.zeros((4, 4, 3), np.uint8)
    axes = plots.paths({"there": walk}, frames={0: image, 2: image})
    assert [text.get_text() for text in axes.texts] == ["a", "b"]
    assert [tuple(text.xy) for text in axes.texts] == [(0, 0), (2, 1)]
    assert [panel.get_title(loc="left") for panel in axes.figure.axes[1:]] == ["a", "b"]
    strip = plots.strip(np.arange(6.0).reshape(2, 3), x="feature", y="frame")
    assert strip.images[0].get_array().shape == (2, 3) and list(strip.get_yticks()) == [0, 1]


def test_many_numbers_are_dots_in_the_row_of_their_kind():
    axes = plots.dot_rows({"before": [0.5, -1.0], "after": [0.25]}, x="cosine", level=0)
    chance, before, after = axes.lines
    assert list(chance.get_xdata()) == [0, 0] and chance.get_linestyle() == ":"
    assert list(before.get_xdata()) == [0.5, -1] and list(before.get_ydata()) == [0, 0]
    assert list(after.get_xdata()) == [0.25] and list(after.get_ydata()) == [1]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["before", "after"]


def test_groups_in_panels_share_a_scale_and_each_model_has_its_dotted_line():
    of = {"lstm": {"p": 90, "q": 50}, "mean": {"p": 20, "q": 10}}
    fewer = {name: {"r": 30} for name in of}
    axes = plots.grouped_panels({"a": of, "b": fewer}, x="right (%)", levels={"lstm": 50})
    first, second = axes.figure.axes
    assert [axis.get_title(loc="left") for axis in (first, second)] == ["a", "b"]
    assert first.get_xlim() == second.get_xlim()
    assert [label.get_text() for label in first.get_yticklabels()] == ["p", "q"]
    assert [len(axis.patches) for axis in (first, second)] == [4, 2]
    for axis in (first, second):
        (chance,) = axis.lines
        assert list(chance.get_xdata()) == [50, 50]
        assert chance.get_color() == plots.COLOURS["lstm"]


def test_seeds_are_dots_upon_their_mean():
    seeds = {"joint": [70, 80]}
    axes = plots.dot_rows(seeds, x="right (%)", means={"joint": (75, 60, 90)})
    bar, mean, dots = axes.lines
    assert list(bar.get_xdata()) == [60, 90] and list(mean.get_xdata()) == [75]
    assert list(dots.get_xdata()) == [70, 80] and dots.get_markersize() < mean.get_markersize()
    assert [text.get_text() for text in axes.texts] == ["75"]


def test_panels_of_bars_with_levels_are_of_one_scale():
    panels = {"a": {"x": 100, "y": 20}, "b": {"x": 30, "y": 10}}
    axes = plots.bars(panels, x="% of clips", one_scale=True, levels={"b": [25, 50]})
    first, second = axes.figure.axes
    assert first.get_xlim() == second.get_xlim() and list(second.get_xticks()) == [0, 50, 100]
    assert not first.lines and [line.get_xdata()[0] for line in second.lines] == [25, 50]


def test_curves_of_different_units_have_axes_and_levels_of_their_own():
    panels = {"loss": {"mean": ([1, 2], [2.0, 1.0])}, "right (%)": {"mean": ([1, 2], [20, 90])}}
    axes = plots.curves(panels, x="epoch", y="", level={"right (%)": 12.5}, sharey=False)
    loss, right = axes.figure.axes
    assert loss.get_ylim()[1] < 3 < 80 < right.get_ylim()[1]
    assert len(loss.lines) == 1 and right.lines[1].get_ydata()[0] == 12.5


def test_rings_stand_in_the_frames_of_their_row():
    row = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    places = np.array([[0.5, 0.25], [0.0, 1.0]])
    axes = plots.contact_sheet({"a": row, "b": row}, arrow="", rings={"b": places})
    *above, first, last = axes.figure.axes
    assert not any(cell.lines for cell in above)
    found = [(line.get_xdata()[0], line.get_ydata()[0]) for (line,) in (first.lines, last.lines)]
    assert found == [(3.5, 1.5), (-0.5, 7.5)]
