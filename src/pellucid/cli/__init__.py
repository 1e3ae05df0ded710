"""The command `pellucid`: see, sweep, diagnose, compare, layers, methods, watch, demo."""

import click

from pellucid import __version__
from pellucid.cli.compare import compare
from pellucid.cli.demo import demo
from pellucid.cli.diagnose import diagnose
from pellucid.cli.layers import layers
from pellucid.cli.methods import methods
from pellucid.cli.see import see
from pellucid.cli.sweep import sweep
from pellucid.cli.watch import watch

_HELP = """Make the inside of a PyTorch network visible.

\b
pellucid demo                                 look at photographs first
pellucid see torchvision:resnet18 cat.jpg     a report with many pictures
pellucid see net.py:Net cat.jpg -w model.pth --preprocess imagenet
pellucid sweep net.py:Net --data folder:pictures   what it has learned
pellucid compare net.py:Net@a.pth net.py:Net@b.pth   what differs
pellucid diagnose net.py:Net a.jpg b.jpg      what is wrong
pellucid layers net.py:Net random:1x3x32x32   the names of all layers
pellucid methods                              which picture answers what
pellucid watch runs/first                     how a training fares

Every command explains itself: pellucid see --help
"""

main = click.Group(
    "pellucid",
    help=_HELP,
    commands=[demo, see, sweep, diagnose, compare, layers, methods, watch],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 96},
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            help="Show the version and exit.",
            callback=lambda ctx, _, asked: (click.echo(f"pellucid {__version__}"), ctx.exit()) if asked else None,
        )
    ],
)
