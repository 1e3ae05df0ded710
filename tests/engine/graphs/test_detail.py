from pellucid.engine.graphs.detail import Detail


def test_what_two_ask_for() -> None:
    assert Detail(values=True).joined(Detail(seconds=True)) == Detail(values=True, seconds=True)
    assert Detail().joined(Detail()) == Detail()
