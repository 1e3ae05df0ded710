"""Everything of a model, its caller and the process that a look must leave as it was."""

import random
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_module

State = dict[str, Any]
_HOOKS = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_state_dict_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
)


def same_bytes(tensor: Tensor | None) -> Any:
    """Type, shape, layout and bytes of a tensor, comparable with `==`."""
    if tensor is None:
        return None
    flat = tensor.detach().cpu().contiguous().flatten().view(torch.uint8) if tensor.numel() else torch.zeros(0)
    return str(tensor.dtype), tuple(tensor.shape), tensor.stride(), str(tensor.device), flat.numpy().tobytes()


def of_model(model: nn.Module) -> State:
    """Parameters, buffers, gradients, flags, hooks and attributes of every module."""
    state: State = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        state[f"parameter {name}"] = (id(parameter), same_bytes(parameter), parameter.requires_grad, parameter.is_leaf)
        state[f"gradient {name}"] = (
            id(parameter.grad) if parameter.grad is not None else None,
            same_bytes(parameter.grad),
        )
        state[f"tensor hooks {name}"] = (
            len(parameter._backward_hooks or ()),
            len(parameter._post_accumulate_grad_hooks or ()),
        )
    for name, buffer in model.named_buffers(remove_duplicate=False):
        state[f"buffer {name}"] = (id(buffer), same_bytes(buffer), buffer.requires_grad, buffer.grad_fn)
    for name, module in model.named_modules(remove_duplicate=False):
        state[f"training {name}"] = module.training
        if isinstance(module, torch.jit.ScriptModule):
            continue
        state[f"hooks {name}"] = {kind: tuple(getattr(module, kind)) for kind in _HOOKS}
        state[f"attributes {name}"] = (type(module), tuple(vars(module)), id(vars(module).get("forward")))
    return state


def of_input(x: Any) -> State:
    """Bytes, flags and versions of every tensor that the caller passed."""
    return {
        f"input {name}": (
            same_bytes(tensor),
            tensor.requires_grad,
            same_bytes(tensor.grad),
            tensor.is_leaf,
            None if tensor.is_inference() else tensor._version,
        )
        for name, tensor in _tensors(x)
    }


def of_process() -> State:
    """Random states, gradient mode, global hooks and torch's global switches."""
    stack = torch.overrides._get_current_function_mode_stack()
    dynamo = sys.modules.get("torch._dynamo.eval_frame")
    backends = torch.backends
    return {
        "rng torch": same_bytes(torch.get_rng_state()),
        "rng python": random.getstate(),
        "rng numpy": repr(np.random.get_state(legacy=False)["state"]["key"].tolist()),
        "rng numpy position": np.random.get_state(legacy=False)["state"]["pos"],
        "grad mode": (torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.is_anomaly_enabled()),
        "autocast": (
            torch.is_autocast_enabled("cpu"),
            torch.get_autocast_dtype("cpu"),
            torch.is_autocast_cache_enabled(),
        ),
        "determinism": (
            torch.are_deterministic_algorithms_enabled(),
            backends.cudnn.deterministic,
            backends.cudnn.benchmark,
            backends.cudnn.enabled,
        ),
        "kernels": (
            backends.mkldnn.enabled,
            backends.mha.get_fastpath_enabled(),
            backends.cuda.flash_sdp_enabled(),
            backends.cuda.math_sdp_enabled(),
            backends.cuda.mem_efficient_sdp_enabled(),
            torch.get_float32_matmul_precision(),
        ),
        "defaults": (torch.get_default_dtype(), torch.get_num_threads(), torch.get_default_device()),
        "function modes": len(stack),
        "global hooks": tuple(
            len(getattr(torch_module, name))
            for name in dir(torch_module)
            if name.startswith("_global_") and isinstance(getattr(torch_module, name), dict)
        ),
        "saved tensor hooks": torch._C._autograd._saved_tensors_hooks_is_enabled(),
        "stance": None if dynamo is None else repr(dynamo._stance),
    }


def of_everything(model: nn.Module, x: Any) -> State:
    """All that a look must not change."""
    return of_model(model) | of_input(x) | of_process()


def changed(before: State, after: State) -> list[str]:
    """Names of what differs."""
    return [name for name in before.keys() | after.keys() if before.get(name) != after.get(name)]


def _tensors(x: Any) -> Iterator[tuple[str, Tensor]]:
    parts = x.items() if isinstance(x, Mapping) else enumerate(x) if isinstance(x, tuple) else [("", x)]
    yield from ((str(name), part) for name, part in parts if isinstance(part, Tensor))
