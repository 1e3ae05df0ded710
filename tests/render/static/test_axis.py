from pellucid.render.static.axis import axis_name


def test_axes_are_named_in_both_languages():
    layer, head = axis_name("layer"), axis_name("head")
    assert (layer.en, layer.zh, head.en, head.zh) == ("layer", "层", "head", "头")
    assert axis_name("something") == "something"
