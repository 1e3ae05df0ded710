from pathlib import Path

import pytest
import torch
from torch import nn

from pellucid.core.errors import BadInput, BadRequest, BadSetting, Cancelled, LayerNotFound, NotApplicable
from pellucid.engine.looker import Looker
from pellucid.engine.sweeps.reducers import Extremes, Moments, Top
from pellucid.engine.sweeps.request import Sweep
from pellucid.engine.sweeps.run import answers_to
from pellucid.ops.ranking import ordinal_of, value_of
from tests.engine.sweeps.feeding import Fed, sweep


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Conv2d(5, 4, 3), nn.Flatten(), nn.Linear(4 * 16, 3)).eval()


ROWS = torch.randn(29, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def test_the_largest_of_every_channel_are_those_of_all_activations_at_once() -> None:
    model = net()
    top = Top("2", 5)
    (swept,) = sweep(model, Fed(ROWS, bad=frozenset({3, 17})), [Sweep([top])])
    (found,) = swept.at(top)
    assert found.address == "2" and found.layout is not None and found.shape == (1, 4, 4, 4)
    assert swept.read == 27 and swept.left_out == ((3, "cut short"), (17, "cut short"))
    good = [i for i in range(29) if i not in (3, 17)]
    values = model[:3](ROWS[good]).flatten(2)
    peaks = values.amax(2)
    expected = peaks.topk(5, 0)
    assert torch.allclose(value_of(found.state["keys"]), expected.values.T)
    ordinals = torch.tensor(good)[expected.indices].T
    assert torch.equal(ordinal_of(found.state["keys"]), ordinals)
    positions = values.argmax(2)[expected.indices, torch.arange(4)].T
    assert torch.equal(found.state["positions"], positions)


def test_all_that_wait_share_one_run_and_equal_reducers_one_state() -> None:
    calls = []
    model = net()
    model.register_forward_pre_hook(lambda *_: calls.append(1))
    sweep(model, Fed(ROWS), [Sweep([Top("every conv", 3)]), Sweep([Moments("0"), Top("0", 3)]), Sweep([Extremes("1")])])
    assert len(calls) == 8 + 1
    one, two, _ = sweep(model, Fed(ROWS), [Sweep([Top("every conv", 3)]), Sweep([Top("0", 3)]), Sweep([Moments("0")])])
    assert one.at(Top("every conv", 3))[0].state["keys"].data_ptr() == two.at(Top("0", 3))[0].state["keys"].data_ptr()


def test_the_forward_stops_behind_the_last_layer_that_is_wanted() -> None:
    model = net()
    reached = []
    model[4].register_forward_hook(lambda *_: reached.append(1))
    sweep(model, Fed(ROWS), [Sweep([Top("0", 3)])])
    assert len(reached) == 1


def test_a_layer_that_is_not_there_fails_its_own_sweep_only() -> None:
    with pytest.raises(LayerNotFound):
        sweep(net(), Fed(ROWS), [Sweep([Top("9", 3)])])


def test_nothing_readable_is_an_error() -> None:
    with pytest.raises(BadInput, match="none of the 29 samples"):
        sweep(net(), Fed(ROWS, bad=frozenset(range(29))), [Sweep([Top("0", 3)])])


def test_what_was_stopped_goes_on_and_gives_the_same_bytes(tmp_path: Path) -> None:
    asked = [Sweep([Top("every conv", 3), Moments("every conv")])]
    (whole,) = sweep(net(), Fed(ROWS), asked)

    def stop(at: tuple[int, int]) -> None:
        assert at[1] == 29
        if at[0] == 20:
            raise Cancelled("enough")

    folder = tmp_path / "run"
    with pytest.raises(Cancelled):
        sweep(net(), Fed(ROWS), asked, folder=folder, watch=stop)
    done = []
    calls = []
    model = net()
    model.register_forward_pre_hook(lambda *_: calls.append(1))
    (again,) = sweep(model, Fed(ROWS), asked, folder=folder, resume=True, watch=lambda at: done.append(at[0]))
    assert done == [16, 24, 28, 29] and len(calls) == 1 + 3
    for reducer in asked[0].keep:
        for a, b in zip(whole.at(reducer), again.at(reducer), strict=True):
            assert a.state.keys() == b.state.keys()
            assert all(torch.equal(a.state[name], b.state[name]) for name in a.state)


def test_a_folder_with_a_sweep_is_not_written_over(tmp_path: Path) -> None:
    asked = [Sweep([Top("0", 3)])]
    sweep(net(), Fed(ROWS), asked, folder=tmp_path / "run")
    with pytest.raises(BadRequest, match="holds this sweep already"):
        sweep(net(), Fed(ROWS), asked, folder=tmp_path / "run")
    with pytest.raises(BadRequest, match="batch size differ"):
        sweep(net(), Fed(ROWS), asked, folder=tmp_path / "run", resume=True, batch_size=2)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("mine")
    with pytest.raises(BadRequest, match="is no sweep"):
        sweep(net(), Fed(ROWS), asked, folder=tmp_path / "other")
    sweep(net(), Fed(ROWS), asked, folder=tmp_path / "run", resume=True)


def test_what_a_disk_damages_meanwhile_is_gathered_once_more(tmp_path: Path) -> None:
    asked = [Sweep([Top("0", 3), Moments("2")])]
    (whole,) = sweep(net(), Fed(ROWS), asked)
    parts = tmp_path / "run" / "parts"
    done: list[int] = []

    def spoil(at: tuple[int, int]) -> None:
        done.append(at[0])
        if at[0] == 12:
            (parts / "n0_0.safetensors").write_bytes(b"torn")

    (found,) = sweep(net(), Fed(ROWS), asked, folder=tmp_path / "run", watch=spoil)
    assert done == [0, 4, 8, 12, 16, 20, 24, 28, 29, 21, 25, 29]
    for reducer in asked[0].keep:
        a, b = whole.at(reducer)[0].state, found.at(reducer)[0].state
        assert all(torch.equal(a[name], b[name]) for name in a)


def test_without_a_data_set_and_with_settings_that_make_no_sense() -> None:
    with Looker(net()).looking(0) as session:
        (given,) = answers_to(session, [Sweep([Top("0", 3)])], None, lambda _: None)
    assert isinstance(given, NotApplicable) and "data set" in str(given)
    for batch_size, shard in ((0, 8), (4, 0)):
        with pytest.raises(BadSetting, match="at least 1"):
            sweep(net(), Fed(ROWS), [Sweep([Top("0", 3)])], batch_size=batch_size, shard=shard)


@pytest.mark.parametrize("files", [1, 2])
def test_damaged_parts_are_gathered_again_and_the_reader_is_told(tmp_path: Path, files: int) -> None:
    asked, folder = [Sweep([Moments("0")]), Sweep([Extremes("0")])], tmp_path / "run"
    model, stopped = net(), []

    def stop(at: tuple[int, int]) -> None:
        stopped.append(at[0])
        if at[0] > 12:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        sweep(model, Fed(ROWS), asked, folder=folder, batch_size=2, shard=4, watch=stop)
    parts = sorted((folder / "parts").glob("*.safetensors"))
    for one in parts[:files]:
        content = bytearray(one.read_bytes())
        content[-1] ^= 1
        one.write_bytes(content)
    again = sweep(model, Fed(ROWS), asked, folder=folder, resume=True, batch_size=2, shard=4)
    whole = sweep(model, Fed(ROWS), asked, batch_size=2, shard=4)
    for one, two, wish in zip(again, whole, asked, strict=True):
        state, expected = one.at(wish.keep[0])[0].state, two.at(wish.keep[0])[0].state
        assert all(torch.equal(state[name], expected[name]) for name in expected)
        (note,) = one.notes
        assert not two.notes and not note.aside
        assert note.en.startswith(f"{files} stored part") and parts[0].stem + ".damaged" in note.en
        assert f"{files} 份已损坏" in note.say("zh") and parts[0].stem + ".damaged" in note.say("zh")
    assert sum(one.suffix == ".damaged" for one in (folder / "parts").iterdir()) == files
