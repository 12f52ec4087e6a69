"""What training SAM minimises: mask, IoU-head and dense losses of a batch."""

import torch
from segment_anything.modeling import Sam
from torch import Tensor, nn
from torch.nn import functional as F

from sav.device import has_fast_bfloat16
from tools.world.batches import Batch
from tools.world.forward import decode, encode
from tools.world.prompts import Prompts

FOCAL_TO_DICE = 20.0
USUAL_SHARE = 0.05
"""Share of the picture that a mask of usual size covers; smaller ones get more focal loss a pixel."""
LEAST_SHARE = 0.004
"""Masks smaller than this get no more focal loss a pixel."""


class DenseHints(nn.Module):
    """A head for training only: each pixel's part name, the boxes of its thing and part, and its joints.

    It teaches the encoder from every pixel at once, where a mask teaches one thing at a time.
    """

    def __init__(self, channels: int, names: int) -> None:
        super().__init__()
        self.names = names
        self.head = nn.Conv2d(channels, 16 * (names + 12), 1)

    def forward(self, embedding: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Maps `(B, C, h, w)` to name logits, box sides and joint logits, each `(B, ..., 4h, 4w)`."""
        dense = F.pixel_shuffle(self.head(embedding), 4).float()
        return dense[:, : self.names], dense[:, self.names : -4], dense[:, -4:]


def mask_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Focal plus dice loss of logits and targets `(..., h, w)`; one number for each mask.

    The paper's 20 to 1 is meant for a mean over all pixels, in which small masks hardly count. Here the focal
    loss is a sum divided by the mask's area, as where it was introduced (arXiv 1708.02002); for a mask of
    `USUAL_SHARE` of the picture the two are the same.
    """
    share = logits.sigmoid()
    cross = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    area = target.mean((-2, -1)).clamp(min=LEAST_SHARE)
    focal = 0.5 * ((share - target) ** 2 * cross).mean((-2, -1)) * USUAL_SHARE / area
    overlap = 2 * (share * target).sum((-2, -1)) + 1
    dice = 1 - overlap / (share.sum((-2, -1)) + target.sum((-2, -1)) + 1)
    return FOCAL_TO_DICE * focal + dice


def true_iou(logits: Tensor, target: Tensor) -> Tensor:
    """IoU of thresholded logits with the targets, both `(..., h, w)`."""
    a, b = logits > 0, target > 0.5
    return (a & b).sum((-2, -1)) / (a | b).sum((-2, -1)).clamp(min=1)


def embed_prompts(model: Sam, prompts: Prompts) -> Tensor:
    """Prompt tokens `(n, 2, C)`: boxes first, points after."""
    device = model.device
    spots = torch.from_numpy(prompts.points)[:, None].to(device)
    labels = torch.ones(spots.shape[:2], dtype=torch.int, device=device)
    boxes, _ = model.prompt_encoder(points=None, boxes=torch.from_numpy(prompts.boxes).to(device), masks=None)
    points, _ = model.prompt_encoder(points=(spots, labels), boxes=None, masks=None)
    return torch.cat([boxes, points])


def prompt_losses(
    logits: Tensor, iou: Tensor, prompts: Prompts, masks: Tensor, wholes: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Mask loss, IoU-head loss and true IoU, each for every prompt.

    A box trains the single mask. A point is ambiguous, and a rendered scene knows both answers: the first of
    the three masks learns the part, the second the whole, the third whichever of the two it is closer to.
    """
    count = len(prompts.boxes)
    single = logits[:count, 0]
    part, whole = masks[count:], wholes
    many = logits[count:, 1:]
    losses = mask_loss(many[:, [0, 1, 2, 2]], torch.stack([part, whole, part, whole], 1))
    best = torch.where((losses[:, 2] < losses[:, 3])[:, None, None], part, whole)
    point_loss = losses[:, 0] + losses[:, 1] + 0.3 * losses[:, 2:].amin(1)
    box_iou = true_iou(single, masks[:count])
    point_iou = true_iou(many, torch.stack([part, whole, best], 1))
    head = torch.cat([(iou[:count, 0] - box_iou) ** 2, ((iou[count:, 1:] - point_iou) ** 2).mean(1)])
    return (
        torch.cat([mask_loss(single, masks[:count]), point_loss]),
        head,
        torch.cat([box_iou, point_iou[:, :2].mean(1)]),
    )


def step_losses(model: Sam, hints: DenseHints, batch: Batch) -> dict[str, Tensor]:
    """The losses of one batch, each a scalar, and the mean IoU of boxes and points."""
    count, device = len(batch.prompts[0].boxes), batch.pictures.device
    # Where things are is a float32 matter: bfloat16 would be half a pixel off.
    places = batch.view.of(model.prompt_encoder.get_dense_pe()).contiguous()
    tokens = [embed_prompts(model, p) for p in batch.prompts]
    with torch.autocast(device.type, torch.bfloat16, enabled=has_fast_bfloat16(device)):
        embeddings = encode(model.image_encoder, batch.pictures, batch.view)
        names, sides, joints = hints(embeddings)
        decoded = [decode(model, e[None], places, t) for e, t in zip(embeddings, tokens, strict=True)]
    found = [
        prompt_losses(logits.float(), iou.float(), p, masks, wholes)
        for (logits, iou), p, (masks, wholes) in zip(decoded, batch.prompts, batch.targets, strict=True)
    ]
    known = (batch.names >= 0)[:, None]
    near = F.smooth_l1_loss(sides, batch.sides, reduction="none", beta=0.05)
    return {
        "mask": torch.cat([f[0] for f in found]).mean(),
        "iou_head": torch.cat([f[1] for f in found]).mean(),
        "names": F.cross_entropy(names, batch.names, ignore_index=-1),
        "sides": (near * known).sum() / (8 * known.sum().clamp(min=1)),
        "joints": F.binary_cross_entropy_with_logits(joints, batch.joints),
        "box_iou": torch.cat([f[2][:count] for f in found]).mean().detach(),
        "point_iou": torch.cat([f[2][count:] for f in found]).mean().detach(),
    }
