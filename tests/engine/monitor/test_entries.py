from torch import nn

from pellucid.engine.monitor.entries import LEARNING, Entries


def test_only_what_is_called_from_outside_is_listened_to_in_the_end():
    model, called = nn.Sequential(nn.Identity(), nn.Identity()), []
    entries = Entries(
        dict(model.named_modules()),
        lambda path, module, args, kwargs: called.append(path),
        lambda path, module, args, output: called.append(f"{path}."),
    )
    entries.open()
    model(0)
    assert called == ["", "0", "0.", "1", "1.", "."]
    entries.known.add("1")
    for step in range(1, LEARNING + 1):
        assert set(entries.handles) == {"", "0", "1"}
        entries.stepped(step)
    assert set(entries.handles) == {"", "1"} and not model[0]._forward_hooks and not model[0]._forward_pre_hooks
    entries.close()
    assert not any(one._forward_hooks or one._forward_pre_hooks for one in model.modules())
