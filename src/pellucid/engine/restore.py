"""Leave the model as found: snapshot before a look, put back after it, whatever happened in between."""

import random
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from threading import RLock

import numpy as np
import torch
from torch import Tensor, nn

from pellucid.core.errors import ModelFailed
from pellucid.core.text import Text

ONE_LOOK = RLock()
"""Looks of several threads wait for each other: random states are the process's own, and models may share modules."""


class Snapshot:
    """Everything of a model that a forward or a backward may change.

    Buffers are copied, parameters only watched: a model whose forward writes its own parameters is refused by name.
    """

    def __init__(self, model: nn.Module) -> None:
        modules = list(model.modules())
        self.training = [(module, module.training) for module in modules]
        self.parameters = [
            (name, one, one._version, one.grad, one.requires_grad) for name, one in model.named_parameters()
        ]
        self.buffers = [
            (module, name, buffer, buffer.detach().clone(), buffer._version)
            for module in modules
            for name, buffer in module._buffers.items()
            if buffer is not None
        ]
        self._seen = [one[4] for one in self.buffers]
        self._places = [(module._parameters, dict(module._parameters)) for module in modules if module._parameters]

    def rewind(self) -> None:
        """Put the buffers back as they were, before the next forward."""
        self._place()
        for i, (module, name, buffer, before, _) in enumerate(self.buffers):
            if module._buffers[name] is not buffer:
                module._buffers[name] = buffer
            if buffer._version != self._seen[i]:
                self._write(buffer, before)
                self._seen[i] = buffer._version

    def restore(self) -> None:
        """Put everything back."""
        self._place()
        for module, training in self.training:
            if module.training != training:
                module.training = training
        for i, (module, name, buffer, before, _) in enumerate(self.buffers):
            if module._buffers[name] is not buffer:
                module._buffers[name] = buffer
            if buffer._version != self._seen[i] or not _equal(buffer, before):
                self._write(buffer, before)
        for _, parameter, _, grad, requires_grad in self.parameters:
            if parameter.grad is not grad:
                parameter.grad = grad
            if parameter.requires_grad != requires_grad:
                parameter.requires_grad_(requires_grad)

    def _place(self) -> None:
        """`functional_call` leaves what it was given in a module that has two names."""
        for held, before in self._places:
            for name, parameter in before.items():
                if held[name] is not parameter:
                    held[name] = parameter

    def check_parameters(self) -> None:
        """Refuse a model that wrote into its own parameters.

        Raises:
            ModelFailed: names the first one.
        """
        for name, parameter, version, _, _ in self.parameters:
            if parameter._version != version:
                raise ModelFailed(
                    Text(
                        f"the model's forward writes into its own parameter '{name}'",
                        f"模型的前向写入了它自己的参数 '{name}'",
                    ),
                    hint=Text(
                        "look at a copy of the model: copy.deepcopy(model)", "请使用模型的副本：copy.deepcopy(model)"
                    ),
                )

    @staticmethod
    def _write(buffer: Tensor, before: Tensor) -> None:
        with torch.no_grad():
            if buffer.shape != before.shape:
                buffer.resize_(before.shape)
            buffer.copy_(before)


def _equal(a: Tensor, b: Tensor) -> bool:
    if a.shape != b.shape or a.is_meta:
        return a.shape == b.shape
    return torch.equal(a, b) or (
        a.is_floating_point() and torch.equal(a.isnan(), b.isnan()) and torch.equal(a.nan_to_num(), b.nan_to_num())
    )


def seed_everything(seed: int) -> None:
    """Every forward starts from the same random state, so the same seed gives the same bytes.

    `torch.manual_seed` would also leave a seed behind for devices that are not in use yet.
    """
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


@contextmanager
def random_state_kept() -> Generator[None]:
    """Random generators of torch (CPU, MPS and the CUDA devices in use), Python and NumPy are put back."""
    states = (torch.get_rng_state(), random.getstate(), np.random.get_state())
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() and torch.cuda.is_initialized() else None
    mps = torch.mps.get_rng_state() if torch.backends.mps.is_available() else None
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        random.setstate(states[1])
        np.random.set_state(states[2])
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)
        if mps is not None:
            torch.mps.set_rng_state(mps)


@contextmanager
def pristine(model: nn.Module, *, evaluate: bool = True) -> Generator[Snapshot]:
    """The model in `eval` behaviour inside; exactly as it was afterwards.

    Args:
        model: any module.
        evaluate: switch every sub-module to `eval` behaviour inside.
    """
    with ExitStack() as stack:
        stack.enter_context(ONE_LOOK)
        stack.enter_context(random_state_kept())
        stack.enter_context(torch.inference_mode(False))
        compiled = [
            m for m in model.modules() if getattr(m, "_compiled_call_impl", None) is not None or hasattr(m, "_orig_mod")
        ]
        if compiled:
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        snapshot = Snapshot(model)
        stack.callback(snapshot.restore)
        if evaluate:
            for module, training in snapshot.training:
                if training:
                    module.training = False
        yield snapshot
