"""The zoo itself: it runs, it is the same every time, and its first example does not depend on how many there are."""

import numpy as np
import pytest
import torch

from tests.networks import ZOO, Network, known
from tests.networks.network import scores


@pytest.mark.parametrize("network", [network for network in ZOO if "compiled" not in network.quirks], ids=str)
def test_network_runs_and_repeats(network: Network) -> None:
    torch.manual_seed(7)
    first = scores(network.build(), network.x(2))
    torch.manual_seed(7)
    again = scores(network.build(), network.x(2))
    assert len(first) == 2 and torch.isfinite(first).all()
    assert torch.equal(first, again)
    if not network.quirks & {"random", "train mode"}:
        alone = scores(network.build(), network.x(1))
        torch.testing.assert_close(alone, first[:1], rtol=0.02 if "half" in network.quirks else 1e-5, atol=1e-5)


def test_names_are_unique() -> None:
    assert len({network.name for network in ZOO}) == len(ZOO) >= 18


def test_template_detector_sees_the_patch_alone() -> None:
    detector = known.template_detector()
    seen = detector.model[:2](detector.x)[0, 0].detach()
    assert np.unravel_index(int(seen.argmax()), seen.shape) == (14, 7)
    assert detector.share_inside(seen, 0) > 0.99


def test_sigmoid_stack_stays_at_its_centre() -> None:
    values = torch.zeros(1, 4, dtype=torch.float64)
    for layer in known.sigmoid_stack(3.0):
        values = layer(values)
        assert values.abs().max() <= 0.5
