#!/usr/bin/env python3
"""Renders a data set of pictures in colour, with captions: solids of eight kinds in eight colours, small and large, on eight backgrounds,
lit from the left or the right, with their shadows, by sphere tracing of signed distances (Hart, 1996).

    python3 scripts/make_solids.py --output data/solids [--count 4000] [--test 1000] [--size 32] [--seed 0]

Writes OUTPUT/train and OUTPUT/test, a sub-folder of PNG files per kind, and in each captions.jsonl: one line per picture with its file, its
caption ("a small red cone on a blue background") and the words of it. The same arguments give the same pictures. Nobody's rights touch them.
Needs only torch.
"""
import argparse
import json
import math
import pathlib
import random
import struct
import sys
import zlib

import torch

KINDS = ("ball", "block", "can", "cone", "pill", "pyramid", "ring", "star")
COLOURS = {"red": (0.85, 0.15, 0.12), "green": (0.15, 0.65, 0.2), "blue": (0.15, 0.3, 0.85), "yellow": (0.92, 0.8, 0.15),
           "orange": (0.95, 0.5, 0.1), "purple": (0.55, 0.2, 0.7), "white": (0.92, 0.92, 0.9), "black": (0.12, 0.12, 0.14)}
SIZES = {"small": 0.62, "large": 1.0}
STEPS, SHADOW_STEPS, FAR = 40, 24, 9.0
BATCH = 32
FLOOR = -0.85


def box(p, half):
    d = p.abs() - torch.tensor(half)
    return d.clamp(min=0).norm(dim=-1) + d.amax(-1).clamp(max=0)


def can(p, radius, half):
    d = torch.stack([p[..., [0, 2]].norm(dim=-1) - radius, p[..., 1].abs() - half], -1)
    return d.clamp(min=0).norm(dim=-1) + d.amax(-1).clamp(max=0)


def pill(p):
    y = p[..., 1].clamp(-0.4, 0.4)
    return torch.stack([p[..., 0], p[..., 1] - y, p[..., 2]], -1).norm(dim=-1) - 0.45


def slanted(p, around):
    """What narrows from a base of 0.8 at y = -0.8 to a tip at y = 0.85; around: the distance from its axis. A bound of the distance."""
    slope = math.hypot(1.65, 0.8)
    side = (1.65 * around - 0.8 * (0.85 - p[..., 1])) / slope
    return torch.maximum(side, -0.8 - p[..., 1])


def star(p):
    """Three bars that cross."""
    return torch.stack([box(p, (0.85, 0.26, 0.26)), box(p, (0.26, 0.85, 0.26)), box(p, (0.26, 0.26, 0.85))]).amin(0)


SOLIDS = {
    "ball": lambda p: p.norm(dim=-1) - 0.8,
    "block": lambda p: box(p, (0.62, 0.62, 0.62)),
    "can": lambda p: can(p, 0.55, 0.75),
    "cone": lambda p: slanted(p, p[..., [0, 2]].norm(dim=-1)),
    "pill": pill,
    "pyramid": lambda p: slanted(p, p[..., [0, 2]].abs().amax(-1)),
    "ring": lambda p: torch.stack([p[..., [0, 2]].norm(dim=-1) - 0.6, p[..., 1]], -1).norm(dim=-1) - 0.27,
    "star": star,
}


class Scene:
    """What one picture shows, by its number."""

    def __init__(self, seed, number):
        choice = random.Random(f"{seed}/{number}")
        self.kind = KINDS[number % len(KINDS)]
        self.colour = choice.choice(list(COLOURS))
        self.size = choice.choice(list(SIZES))
        self.background = choice.choice([name for name in COLOURS if name != self.colour])
        self.side = choice.choice([-1, 1])
        self.turn, self.lift = choice.uniform(0, 2 * math.pi), math.radians(choice.uniform(18, 40))
        self.shade = [choice.uniform(0.85, 1.15) for _ in range(6)]

    def words(self):
        return {"kind": self.kind, "colour": self.colour, "size": self.size, "background": self.background,
                "light": "left" if self.side < 0 else "right"}

    def caption(self):
        article = "an" if self.size[0] in "aeiou" else "a"
        return f"{article} {self.size} {self.colour} {self.kind} on a {self.background} background"


class Renderer:
    """Pictures of scenes with one kind of solid, P of them at a time."""

    def __init__(self, scenes, size):
        self.scenes, self.size, self.samples = scenes, size, 2
        self.scale = torch.tensor([SIZES[scene.size] for scene in scenes]).view(-1, 1)
        self.turn = torch.tensor([scene.turn for scene in scenes]).view(-1, 1)
        # Solids stand on the floor.
        self.lift = FLOOR * (1 - self.scale)

    def solid(self, p):  # [P, N, 3] → [P, N]
        x, y, z = p.unbind(-1)
        c, s = self.turn.cos(), self.turn.sin()
        own = torch.stack([c * x + s * z, y - self.lift, c * z - s * x], -1) / self.scale[..., None]
        return SOLIDS[self.scenes[0].kind](own) * self.scale * 0.9

    def scene(self, p):
        return torch.minimum(self.solid(p), p[..., 1] - FLOOR)

    def rays(self):
        side = self.size * self.samples
        steps = (torch.arange(side) + 0.5) / side * 2 - 1
        v, u = torch.meshgrid(-steps, steps, indexing="ij")
        screen = torch.stack([u.flatten(), v.flatten()], -1) * 1.3
        lift = torch.tensor([scene.lift for scene in self.scenes]).view(-1, 1)
        back = torch.stack([torch.zeros_like(lift), lift.sin(), lift.cos()], -1)
        up = torch.stack([torch.zeros_like(lift), lift.cos(), -lift.sin()], -1)
        right = torch.tensor([1.0, 0, 0])
        origin = back * 5 + screen[None, :, :1] * right + screen[None, :, 1:] * up
        return origin, -back.expand_as(origin)

    def march(self, origin, direction, distance_of, steps):
        distance = torch.zeros(origin.shape[:2])
        for _ in range(steps):
            distance = (distance + distance_of(origin + direction * distance[..., None])).clamp(max=FAR)
        return distance

    def normals(self, p):
        h = 1e-3
        columns = []
        for axis in range(3):
            step = torch.zeros(3)
            step[axis] = h
            columns.append(self.scene(p + step) - self.scene(p - step))
        return torch.nn.functional.normalize(torch.stack(columns, -1), dim=-1)

    def pictures(self):  # [P, size, size, 3] bytes
        origin, direction = self.rays()
        distance = self.march(origin, direction, self.scene, STEPS)
        p = origin + direction * distance[..., None]
        on_solid = (self.solid(p) < p[..., 1] - FLOOR)[..., None]
        normal = self.normals(p)
        light = torch.tensor([[0.6 * scene.side, 0.75, 0.55] for scene in self.scenes])[:, None]
        light = torch.nn.functional.normalize(light, dim=-1)
        from_surface = p + normal * 0.02
        free = self.march(from_surface, light.expand_as(p), self.solid, SHADOW_STEPS) > FAR * 0.5
        lit = (normal * light).sum(-1).clamp(min=0) * free
        glint = (lit ** 30 * 0.25)[..., None] * on_solid

        def shaded(names, first):
            rows = [[v * t for v, t in zip(COLOURS[name], scene.shade[first:])] for name, scene in zip(names, self.scenes)]
            return torch.tensor(rows)[:, None]

        colour = torch.where(on_solid, shaded([s.colour for s in self.scenes], 0), shaded([s.background for s in self.scenes], 3))
        image = (colour * (0.32 + 0.1 * normal[..., 1:2] + 0.68 * lit[..., None]) + glint).clamp(0, 1)
        image = image.view(-1, self.size, self.samples, self.size, self.samples, 3).mean((2, 4))
        return (image * 255).round().to(torch.uint8)


def png(picture):
    """The bytes of a PNG file. picture: [H, W, 3] bytes."""
    height, width, _ = picture.shape
    raw = b"".join(b"\0" + bytes(row.flatten().tolist()) for row in picture)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")


def render_split(folder, first, count, size, seed):
    folder.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        (folder / kind).mkdir(exist_ok=True)
    lines = [""] * count
    for offset in range(len(KINDS)):
        numbers = range(offset, count, len(KINDS))
        for begin in range(0, len(numbers), BATCH):
            some = numbers[begin:begin + BATCH]
            scenes = [Scene(seed, first * len(KINDS) + number) for number in some]
            for number, scene, picture in zip(some, scenes, Renderer(scenes, size).pictures()):
                name = f"{scene.kind}/{number:06}.png"
                (folder / name).write_bytes(png(picture))
                lines[number] = json.dumps({"file": name, "caption": scene.caption(), **scene.words()})
    (folder / "captions.jsonl").write_text("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description="Renders pictures of solids in colour, with captions.")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="folder to make")
    parser.add_argument("--count", type=int, default=4000, help="pictures to train on (4000)")
    parser.add_argument("--test", type=int, default=1000, help="pictures to test on (1000)")
    parser.add_argument("--size", type=int, default=32, help="pixels of a side (32)")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives other pictures (0)")
    parser.add_argument("--threads", type=int, default=2, help="threads (2)")
    options = parser.parse_args()
    if min(options.count, options.test) < len(KINDS) or not 8 <= options.size <= 512:
        sys.exit(f"make_solids.py: expected at least {len(KINDS)} pictures of 8 to 512 pixels")
    torch.set_num_threads(options.threads)
    with torch.no_grad():
        render_split(options.output / "train", 0, options.count, options.size, options.seed)
        render_split(options.output / "test", 10_000_000, options.test, options.size, options.seed)
    print(f"{options.count} pictures to train on and {options.test} to test on in {options.output}")


if __name__ == "__main__":
    main()
