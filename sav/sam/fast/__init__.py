"""SAM's speed code, which gains twice and more, each file with its contract and its reference test.

Without it SAM is segment_anything's own modules, called in chunks: `sav.sam.decoder` and `sav.sam.enlarge`.
The gain is how many times as long those take, in shapes of ViT-B: median (least to most) of processor time on
one thread of an Intel Xeon with AMX, both sides in turn in one process; on a GPU the benchmark's rows
`encoder`, `boxes` and `everything` measure the whole.

| file | contract | gain |
|---|---|---|
| `decoder` (`low_rank`, `upscaling`) | float32's rounding | 4.1 (3.5-5.0) boxes, 4.3 (3.6-5.3) points |
| `encoder` in bfloat16 | mean IoU of masks 0.99 | 4.6 (4.1-5.8), three blocks, one of them global |
| `encoder` in float32, by the same lines | float32's rounding | 1.8 (1.5-2.1) |
| `kernels`, ViT-H's encoder in bfloat16 on an H200 | mean IoU of masks 0.99 | 2.4 over `encoder` without |
| `enlarge`, exact, boxes' masks | the same to the last pixel | 1080p: 7 to 21; 4000x3000: 10 to 64 |
| `enlarge`, exact, stability tested | the same to the last pixel | 1080p: 5 to 60; 4000x3000: 5 to 300 |
| `enlarge`, not exact | float32's rounding | 1080p: 3 to 100; 4000x3000: 4 to 690 |
| `graphed` (`decoder` in graphs), on an H200 | without graphs, the last bit | a prompt 6, ten 2.9, 64 1.5 |
| its Triton kernels, there | mean IoU of masks 0.99 | 64 prompts: 1.6 over graphs without, 4.2 in all |
| `mask_kernels`, there | float32's rounding | over `on_device`: 6-13 to measure, 23-33 to pack |
| `share_out` | a loop's results | points, elapsed: 7 (3-10) on two busy cores; see there |

Triton compiles a kernel when it is first wanted on a machine, and keeps it on disk: the decoder's take 10 s,
beside the work, and only where there are 64 prompts or more; those of masks 2 s, before it goes on.

Masks enlarged had 0.1, 0.3 and 0.8 of the picture's sides. The smaller, the more is gained; exact masks of
boxes as large as 0.8 gain nothing (0.9 to 1.0).

What it means at `float32`: a ViT-B picture with ten boxes is encoded in 10 s and decoded in 1.2 s; the same
boxes at 4000x3000 would take 0.8 s to enlarge, and take 0.01 to 0.9 s. "Everything" decodes for 100 s.

An exact decoder that makes the image's first projections once for all prompts is not here: it would gain 1.45
(1.43-1.46) for boxes and 1.57 (1.34-1.67) for points.
"""
