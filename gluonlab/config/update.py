"""The sections of a recipe that say how weights are updated: optimizer, averaging."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Optional

from pydantic import Field

from gluonlab.config.rest import Rest
from gluonlab.config.sections import LARGEST_NUMBER, SMALLEST_EPS, Section

_CORRECTED = ("sgd", "nag", "lars", "rmsprop_warmup")
SCHEDULE_FREE = ("schedule_free_sgd", "schedule_free_adamw")
_ADAPTIVE = ("adamw", "nadamw", "lamb", "soap")
_DECOUPLED = (*_ADAPTIVE, "muon", "shampoo", "schedule_free_adamw")
_USED_BY = {
    "momentum": (*_CORRECTED, "muon", "shampoo"),
    "momentum_correction": _CORRECTED,
    "beta1": (*_ADAPTIVE, *SCHEDULE_FREE),
    "beta2": (*_ADAPTIVE, "rmsprop_warmup", "schedule_free_adamw", "shampoo"),
    "eps": (*_ADAPTIVE, "rmsprop_warmup", "schedule_free_adamw"),
    "statistics_samples": SCHEDULE_FREE,
    "bias_correction": ("lamb",),
    "trust_coefficient": ("lars",),
    "trust_eps": ("lars",),
    "min_trust_ratio": ("lamb",),
    "max_trust_ratio": ("lars", "lamb"),
    "larc_clip": ("lars",),
    "scale_norm_and_bias": ("lars", "lamb"),
    "scale_bias": ("lamb",),
    "rmsprop_lr": ("rmsprop_warmup",),
    "transition_center": ("rmsprop_warmup",),
    "transition_period": ("rmsprop_warmup",),
    "matrices": ("muon",),
    "newton_schulz_steps": ("muon",),
    "shape_factor": ("muon",),
    "normalize_filters": ("muon",),
    "rest": ("muon",),
    "precondition_every": ("shampoo", "soap"),
    "max_side": ("shampoo", "soap"),
    "damping": ("shampoo",),
}


class Optimizer(Section):
    """The update rule."""

    name: Literal[
        "sgd",
        "nag",
        "lars",
        "adamw",
        "nadamw",
        "lamb",
        "rmsprop_warmup",
        "muon",
        "schedule_free_sgd",
        "schedule_free_adamw",
        "shampoo",
        "soap",
    ] = Field(
        "sgd",
        description="`sgd` with momentum, `nag`: Nesterov's momentum, `lars`: layer-wise rates "
        "(You et al. 2017), `adamw` (Loshchilov & Hutter 2019), `lamb`: Adam with layer-wise rates "
        "(You et al. 2020), `rmsprop_warmup`: from RMSprop to SGD (Akiba et al. 2017), `muon`: "
        "orthogonalised momentum (Jordan et al. 2024), `nadamw`: AdamW with Nesterov's momentum, "
        "`shampoo`: gradients times roots of what rows and columns of them share (Gupta et al. 2018), "
        "`soap`: Adam in the eigenbasis of these (Vyas et al. 2024), or "
        "`schedule_free_sgd`, `schedule_free_adamw`: an average of the weights for a falling rate (Defazio "
        "et al. 2024); use a constant rate with a warm-up.",
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="Weight of the past in the momentum buffer.")
    weight_decay: float = Field(
        0.0,
        ge=0,
        le=1000,
        description="L2 penalty, added to the gradient, below 1; adamw, nadamw, lamb, soap, muon, "
        "shampoo, schedule_free_adamw: decoupled from the gradient, times the rate. muon: of its "
        "matrices only, see rest.weight_decay.",
    )
    decay_norm_and_bias: bool = Field(False, description="Whether gamma, beta and biases decay as well.")
    decay_bias: Optional[bool] = Field(
        None, description="Whether biases decay, where that differs from decay_norm_and_bias."
    )
    momentum_correction: bool = Field(
        True, description="Rescale the momentum buffer when the rate changes (Goyal et al. 2017, remark 2)."
    )
    clip_norm: Optional[float] = Field(
        None,
        gt=0,
        le=LARGEST_NUMBER,
        description="Largest norm of the averaged gradient of all parameters together.",
    )
    clip_value: Optional[float] = Field(
        None,
        gt=0,
        le=LARGEST_NUMBER,
        description="Largest size of each element of the averaged gradient, after clip_norm.",
    )
    beta1: float = Field(
        0.9,
        ge=0,
        le=0.99999,
        description="adamw, nadamw, lamb, soap: weight of the past in the mean gradient; schedule_free: of "
        "the average in the point that gradients are taken at, above 0.",
    )
    beta2: float = Field(
        0.999,
        ge=0,
        le=0.99999,
        description="adamw, nadamw, lamb, soap, rmsprop_warmup, schedule_free_adamw: weight of the past in "
        "the mean of the squared gradient; shampoo: of products of gradients.",
    )
    eps: float = Field(
        1e-8,
        ge=SMALLEST_EPS,
        le=LARGEST_NUMBER,
        description="adamw, nadamw, lamb, soap, rmsprop_warmup, schedule_free_adamw: added to the root of "
        "the mean squared gradient.",
    )
    statistics_samples: Optional[int] = Field(
        None,
        ge=1,
        description="schedule_free: training images that each validation computes the BatchNorm statistics "
        "of the average from; default all of them, which costs as much as an epoch.",
    )
    bias_correction: bool = Field(
        True, description="lamb: correct both means for their start at 0; the authors' code does not."
    )
    trust_coefficient: float = Field(
        0.001,
        gt=0,
        le=LARGEST_NUMBER,
        description="lars: eta in the trust ratio eta |w| / (|g| + wd |w| + trust_eps).",
    )
    trust_eps: float = Field(
        0.0, ge=0, le=LARGEST_NUMBER, description="lars: added to the trust ratio's denominator."
    )
    min_trust_ratio: float = Field(
        0.0, ge=0, le=LARGEST_NUMBER, description="lamb: lower bound of the trust ratio |w| / |update|."
    )
    max_trust_ratio: Optional[float] = Field(
        None, gt=0, le=LARGEST_NUMBER, description="lars, lamb: upper bound of the trust ratio."
    )
    larc_clip: bool = Field(
        False,
        description="lars: the rate is the smaller of learning rate and trust ratio, not their product.",
    )
    scale_norm_and_bias: bool = Field(
        False, description="lars, lamb: whether gamma, beta and biases have a trust ratio as well."
    )
    scale_bias: Optional[bool] = Field(
        None,
        description="lamb: whether biases have a trust ratio, where that differs from scale_norm_and_bias.",
    )
    rmsprop_lr: float = Field(
        3e-4, gt=0, le=LARGEST_NUMBER, description="rmsprop_warmup: rate of RMSprop, whatever the batch."
    )
    transition_center: float = Field(
        10.0, ge=0, description="rmsprop_warmup: epoch at which SGD has half of the step."
    )
    transition_period: float = Field(
        5.0,
        gt=0,
        description="rmsprop_warmup: in epochs; SGD is alone half a period after the centre, and each half "
        "period before it divides its share by e.",
    )
    matrices: Literal["hidden", "filters", "all"] = Field(
        "hidden",
        description="muon: what takes it. `hidden`: weights of two dimensions or more but the first and the "
        "classifier; `filters`: those of convolutions; `all`. Never depthwise filters. The others take rest.",
    )
    newton_schulz_steps: int = Field(
        5, ge=1, le=20, description="muon: of the iteration that makes singular values nearly 1."
    )
    shape_factor: Literal["none", "aspect", "rms"] = Field(
        "aspect",
        description="muon: of the rate, by the matrix (out, in * height * width): `aspect` is "
        "sqrt(max(1, rows / columns)), `rms` 0.2 sqrt(max(rows, columns)), which suits rates of adamw.",
    )
    normalize_filters: bool = Field(
        False,
        description="muon: bring each weight to the norm sqrt(out) before each step, as the speedrun does; "
        "weight_decay does not apply then.",
    )
    precondition_every: int = Field(
        10,
        ge=1,
        description="shampoo, soap: updates between two computations of roots or bases, on the host.",
    )
    max_side: int = Field(
        1024, ge=1, description="shampoo, soap: longest side of a matrix that has one; others are left alone."
    )
    damping: float = Field(
        1e-4,
        ge=1e-12,
        le=LARGEST_NUMBER,
        description="shampoo: share of the largest eigenvalue that is added to all of them.",
    )
    rest: Rest = Field(Rest(), description="muon: the rule of all other parameters.")

    @property
    def decays_bias(self) -> bool:
        """Whether biases decay."""
        return self.decay_norm_and_bias if self.decay_bias is None else self.decay_bias

    @property
    def scales_bias(self) -> bool:
        """Whether biases have a trust ratio."""
        return self.scale_norm_and_bias if self.scale_bias is None else self.scale_bias

    @property
    def transition_end(self) -> float:
        """The epoch from which on SGD is alone; 0 where it always is."""
        if self.name != "rmsprop_warmup":
            return 0.0
        return self.transition_center + self.transition_period / 2

    def _problems(self) -> Iterator[str]:
        for key, users in _USED_BY.items():
            if self.name not in users and getattr(self, key) != type(self).model_fields[key].default:
                others = " or ".join(users)
                yield f"{key} is not used by {self.name!r}; leave it out, or set name to {others}"
        if self.name not in _DECOUPLED and self.weight_decay >= 1:
            yield f"weight_decay of {self.name!r} must be less than 1, got {self.weight_decay:g}"
        if self.name in SCHEDULE_FREE and not self.beta1:
            yield f"beta1 of {self.name!r} must be above 0, for the average is computed from it"
        if self.normalize_filters and self.weight_decay:
            yield "weight_decay does nothing to weights of a fixed norm; leave it out, or normalize_filters"
        if self.max_trust_ratio is not None and self.max_trust_ratio < self.min_trust_ratio:
            yield (
                f"max_trust_ratio {self.max_trust_ratio:g} is below min_trust_ratio {self.min_trust_ratio:g}"
            )


class Averaging(Section):
    """An average of the weights, which is what validation evaluates."""

    name: Literal["none", "ema", "swa"] = Field(
        "none",
        description="`ema`: exponential moving average over updates, with the running statistics. `swa`: the "
        "mean of the weights at some epochs and at the end (Izmailov et al. 2018), its statistics made anew.",
    )
    decay: Optional[float] = Field(
        None, ge=0, lt=1, description="ema: weight of the past, at each update; 0.9999 is common."
    )
    decay_warmup: bool = Field(
        False, description="ema: at most (1 + t) / (10 + t) at update t, to forget the first weights soon."
    )

    from_epoch: Optional[float] = Field(
        None, gt=0, description="swa: the first epoch whose weights count; they are evaluated from then on."
    )
    every_epochs: float = Field(1.0, gt=0, description="swa: epochs between two weights that count.")
    statistics_samples: Optional[int] = Field(
        None,
        ge=1,
        description="swa: training images that each new mean computes its BatchNorm statistics from; default "
        "all of them, which costs as much as an epoch.",
    )

    def _problems(self) -> Iterator[str]:
        if self.name == "ema" and self.decay is None:
            yield "ema needs decay, 0.9999 for example"
        if self.name == "swa" and self.from_epoch is None:
            yield "swa needs from_epoch, at three quarters of the training for example"
        users = {
            "ema": ("decay", "decay_warmup"),
            "swa": ("from_epoch", "every_epochs", "statistics_samples"),
        }
        for user, keys in users.items():
            for key in keys:
                if self.name != user and getattr(self, key) != type(self).model_fields[key].default:
                    yield f"{key} is not used by {self.name!r}; leave it out, or set name to {user}"
