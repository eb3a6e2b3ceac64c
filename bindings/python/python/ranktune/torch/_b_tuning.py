"""B-Tuning as a loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional, Union

import torch
from torch import nn

from .._errors import InputError
from .._estimators import LogME, LogMERegressor


class BTuningLoss(nn.Module):
    """The second term of B-Tuning: the tuned features, read out as before the tuning, agree with the teachers' predictions.

    ``λ · mean_{rows, c} (m_tᵀ f_t(x) − Σ_k π_k m_kᵀ f_k(x))²`` with ``π = softmax(LogME_k / τ)``, to be added to the loss of
    the task. Every m is the posterior mean of a `LogME` that was fitted on features before the tuning, and stays fixed.

    Parameters
    ----------
    target : LogME or LogMERegressor
        Fitted on the features of the model that is tuned, before the tuning.
    teachers : sequence of LogME or LogMERegressor
        Fitted on the features of each teacher, on the same samples.
    lambda_ : float
        λ, as published 100.
    temperature : float
        τ, as published 0.1.

    References
    ----------
    You, Liu, Zhang, Wang, Jordan, Long: Ranking and Tuning Pre-trained Models, JMLR 2022, section 5.

    Examples
    --------
    >>> import numpy as np, torch, ranktune, ranktune.torch
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(3, size=90)
    >>> target, teacher = (rng.normal(size=(90, d)) + np.eye(3, d)[y] for d in (8, 5))
    >>> loss = ranktune.torch.BTuningLoss(ranktune.LogME().fit(target, y), [ranktune.LogME().fit(teacher, y)])
    >>> features = torch.tensor(target, requires_grad=True)
    >>> value = loss(features, [torch.tensor(teacher)])
    >>> value.backward()
    >>> features.grad.shape
    torch.Size([90, 8])
    """

    read_out: torch.Tensor
    weights: torch.Tensor

    def __init__(
        self,
        target: Union[LogME, LogMERegressor],
        teachers: Sequence[Union[LogME, LogMERegressor]],
        *,
        lambda_: float = 100.0,
        temperature: float = 0.1,
    ) -> None:
        super().__init__()
        if not teachers:
            raise InputError("expected at least one teacher")
        if not lambda_ >= 0 or not temperature > 0:
            raise InputError(f"expected lambda_ >= 0 and temperature > 0, got {lambda_} and {temperature}")
        columns = target._weights.shape[0]
        for number, teacher in enumerate(teachers):
            if teacher._weights.shape[0] != columns:
                raise InputError(
                    f"teacher {number} has {teacher._weights.shape[0]} target columns, expected {columns} as the target"
                )
        logits = torch.tensor([teacher.score_ for teacher in teachers], dtype=torch.float64) / temperature
        self.lambda_ = lambda_
        self.register_buffer("read_out", torch.as_tensor(target._weights))
        self.register_buffer("weights", torch.softmax(logits, dim=0))
        for number, teacher in enumerate(teachers):
            self.register_buffer(f"teacher_{number}", torch.as_tensor(teacher._weights))

    def taught(self, teacher_features: Sequence[torch.Tensor]) -> torch.Tensor:
        """The teachers' combined predictions, `[n, c]`, for features `[n, d_k]` of each of them."""
        if len(teacher_features) != len(self.weights):
            raise InputError(f"expected the features of {len(self.weights)} teachers, got {len(teacher_features)}")
        total: Optional[torch.Tensor] = None
        with torch.no_grad():
            for number, features in enumerate(teacher_features):
                read_out: torch.Tensor = getattr(self, f"teacher_{number}")
                part = self.weights[number] * (features.to(read_out) @ read_out.T)
                total = part if total is None else total + part
        assert total is not None
        return total

    def forward(
        self, features: torch.Tensor, teacher_features: Union[torch.Tensor, Sequence[torch.Tensor]]
    ) -> torch.Tensor:
        """λ times the mean squared distance.

        Parameters
        ----------
        features : Tensor of shape (n, d)
            Features of the model that is tuned, of which gradients are taken.
        teacher_features : sequence of Tensors of shape (n, d_k), or Tensor of shape (n, c)
            Features of each teacher for the same view of the samples; or what `taught` gave for them, which can be kept.

        Returns
        -------
        Tensor of shape ()
        """
        taught = teacher_features if isinstance(teacher_features, torch.Tensor) else self.taught(teacher_features)
        read = features @ self.read_out.to(features).T
        return self.lambda_ * torch.mean((read - taught.to(read)) ** 2)
