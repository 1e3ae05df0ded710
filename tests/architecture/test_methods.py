"""One file, one visualization, one public name."""

from tests.architecture.rules import modules_imported
from tests.architecture.source import method_files, package, visualizations


def test_a_file_holds_one_visualization_of_its_own_name():
    named = {source.name: visualizations(source.tree) for source in method_files()}
    assert named
    assert not {name: found for name, found in named.items() if found != [name.rpartition("/")[2].removesuffix(".py")]}


def test_the_folder_is_the_list():
    stray = [
        source.name
        for source in package()
        if source.name.startswith("methods/")
        and source.name.count("/") == 2
        and not source.path.name.startswith("_")
        and source not in method_files()
    ]
    assert not stray


def test_names_are_unique():
    stems = [source.path.stem for source in method_files()]
    assert len(stems) == len(set(stems))


def test_methods_never_import_each_other():
    """What two share lies in `ops/`, or in a `_file` or `_folder` beside them, so any method can be deleted."""
    found = [
        f"{source.name}:{line} {module}"
        for source in package()
        if source.name.startswith("methods/")
        for line, module in modules_imported(source.tree)
        if module.startswith("pellucid.methods") and "._" not in module
    ]
    assert not found


def test_methods_print_nothing():
    loud = [source.name for source in package() if source.name.startswith("methods/") and "print(" in source.text]
    assert not loud
