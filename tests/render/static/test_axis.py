from pellucid.render.static.axis import axis_name


def test_axes_are_named_in_both_languages():
    layer, head = axis_name("layer"), axis_name("head")
    assert (layer.en, layer.zh, head.en, head.zh) == ("layer", "层", "head", "头")
    assert axis_name("something") == "something"


def test_channels_and_codes_are_axes_too():
    assert [axis_name(name).zh for name in ("channel", "code")] == ["通道", "码"]
