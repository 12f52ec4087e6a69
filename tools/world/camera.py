"""A pinhole camera above a ground plane: world metres to picture pixels."""

from dataclasses import dataclass

import numpy as np

NEAR_PLANE_M = 0.6
OVERSCAN = 1.0


@dataclass(frozen=True)
class Camera:
    """A level camera that looks along the ground, turned by `yaw` about the vertical.

    World axes: x to the right, y up, z away from the viewer, all in metres; the ground is `y = 0`.

    Attributes:
        width: Picture width in pixels.
        height: Picture height in pixels.
        focal: Focal length in pixels.
        horizon: Row of the horizon in pixels from the top.
        x: Position along the street in metres.
        eye: Height of the camera above the ground in metres.
        yaw: Heading in radians; positive turns to the right.
    """

    width: int
    height: int
    focal: float
    horizon: float
    x: float
    eye: float
    yaw: float

    @property
    def right(self) -> np.ndarray:
        """Unit vector `(3,)` to the camera's right."""
        return np.array([np.cos(self.yaw), 0.0, -np.sin(self.yaw)])

    @property
    def position(self) -> np.ndarray:
        """The camera's place `(3,)` in the world."""
        return np.array([self.x, self.eye, 0.0])

    def depth(self, points: np.ndarray) -> np.ndarray:
        """Distance along the viewing direction of world points `(..., 3)`, in metres."""
        return (points[..., 0] - self.x) * np.sin(self.yaw) + points[..., 2] * np.cos(self.yaw)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Projects a world polygon `(n, 3)`, cut off at the near plane, to pixels `(m, 2)`; m may be 0."""
        depth = self.depth(points)
        if depth.min() < NEAR_PLANE_M:
            points = _cut(points, depth - NEAR_PLANE_M)
            depth = self.depth(points)
        across = (points[:, 0] - self.x) * np.cos(self.yaw) - points[:, 2] * np.sin(self.yaw)
        scale = self.focal / np.maximum(depth, 1e-9)
        return np.stack(
            [self.width / 2 + across * scale, self.horizon + (self.eye - points[:, 1]) * scale], axis=1
        )

    def outline(self, points: np.ndarray) -> np.ndarray:
        """Projects a world polygon as `project` does and cuts it off a little outside the picture."""
        pixels = self.project(points)
        for axis, size in ((0, self.width), (1, self.height)):
            for sign in (1, -1):
                side = (pixels[:, axis] - size / 2) * sign + size * OVERSCAN
                if len(pixels) and side.min() < 0:
                    pixels = _cut(pixels, side)
        return pixels

    def visible_x(self, z: float) -> tuple[float, float]:
        """The stretch of the line at distance `z` (metres) that the picture shows, as x in metres."""
        half = np.arctan(self.width / 2 / self.focal)
        left, right = np.clip([self.yaw - half, self.yaw + half], -1.35, 1.35)
        return self.x + z * np.tan(left), self.x + z * np.tan(right)


def _cut(points: np.ndarray, side: np.ndarray) -> np.ndarray:
    """The part of a polygon `(n, dims)` where `side` `(n,)` is not negative (Sutherland-Hodgman)."""
    kept = []
    for i in range(len(points)):
        j = (i + 1) % len(points)
        if side[i] >= 0:
            kept.append(points[i])
        if (side[i] >= 0) != (side[j] >= 0):
            kept.append(points[i] + (points[j] - points[i]) * side[i] / (side[i] - side[j]))
    return np.array(kept).reshape(-1, points.shape[1])
