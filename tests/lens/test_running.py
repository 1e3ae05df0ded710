"""Views of a run are signed, refused and joined as those of a look."""

import numpy as np
import pytest
from torch import nn

import pellucid as pl
from pellucid.engine.monitor.history import History
from pellucid.engine.monitor.sample import Row, Sample, Told
from pellucid.lens.running import over_a_run, see_run


def history():
    found = History(about={"model": "Net", "versions": {"torch": "2"}})
    found.add([Told(rows=(Row("a", "Linear", 4), Row("b", "Linear", 4)), every=(1, 1))])
    found.add([Sample(step, 0.0, {"flow": np.array([0.1, 1.0])}) for step in range(3)])
    return found


def test_a_result_says_what_made_it():
    seen = see_run(history(), ["gradient_flow"], "run")
    made = seen[0].provenance
    assert (made.method, made.family, made.model, made.versions) == ("gradient_flow", "gradient", "Net", {"torch": "2"})
    assert made.code == "pl.gradient_flow()(run)" and made.settings["layer"] == "every weight" and made.trace.date
    assert "over the training" in made.words.title.en and seen.title == "Net"


def test_what_was_not_measured_is_a_card_beside_the_rest():
    seen = see_run(history(), (), "run")
    assert [one.name for one in seen.asked] == [one.name for one in over_a_run()]
    assert {one.method for one in seen.failures} == {"gradient_maps", "updates"} and len(seen.results) == 1
    with pytest.raises(pl.NotApplicable, match="no measurement"):
        pl.updates()(pl.Run(history()))


def test_an_unknown_layer_names_who_asked():
    with pytest.raises(pl.BadRequest, match=r"gradient_flow\(layer='c'\)"):
        see_run(history(), [pl.gradient_flow(layer="c")], "run")


def test_a_method_of_a_run_is_no_method_of_an_input():
    with pytest.raises(pl.BadRequest, match="looks at a watched training"):
        pl.Lens(nn.Linear(2, 2)).see(None, "updates")
