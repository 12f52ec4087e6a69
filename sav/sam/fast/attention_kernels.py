"""The encoder's attention in Triton: windows of an unwindowed image, decomposed positions, no score matrix.

A flash attention (Dao, "FlashAttention-2", arXiv 2307.08691): a program keeps a chunk of queries of one
window and one head, and passes over the keys a block at a time. It reads queries, keys and values where the
product with the qkv weights left them, token by token of the whole image, and writes the same way: no windows
are copied. Tokens that pad a window are read as one spare token.

Keys are laid out in rows of `COLUMNS`, a power of two, so that the positions of a block of keys are known
when it is compiled. What rows and columns add to scores is made for a window by the program itself, from the
query's products with the vectors of all distances, and for a whole image beforehand. Scores are left unscaled
until the exponential, and positions are divided by the scale beforehand; of rows and columns that no key has
they are `NOWHERE`, which leaves such keys out of the softmax.
"""

from __future__ import annotations

import triton
import triton.language as tl

NOWHERE = tl.constexpr(-30000.0)


@triton.jit
def positions_kernel(
    qkv,  # (B * H * W or one more, 3, heads, DIM)
    by_row,  # (side, side, DIM), for a query's row and a key's, as the next for columns
    by_column,
    out,  # (B * H * W, heads, 2, COLUMNS)
    height,
    width,
    heads,
    inverse_scale,
    DIM: tl.constexpr,
    MAIN: tl.constexpr,
    REST: tl.constexpr,
    SIDE: tl.constexpr,
    COLUMNS: tl.constexpr,
    TOKENS: tl.constexpr,
):
    """What a key's row, or column, adds to the scores of a row, or column, of the image's queries."""
    line, head, image = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    is_column = line >= height
    line = tl.where(is_column, line - height, line)
    count = tl.where(is_column, height, width)
    start = image * height * width + tl.where(is_column, line, line * width)
    place = tl.arange(0, TOKENS)
    token = (start + place * tl.where(is_column, width, 1)).to(tl.int64)

    key = tl.arange(0, COLUMNS)
    table = tl.where(is_column, by_column, by_row) + (line % SIDE) * SIDE * DIM
    vector = table + key[None, :] * DIM
    known = (key < SIDE)[None, :]
    column = tl.arange(0, MAIN)
    query = qkv + head * DIM + token[:, None] * (3 * heads * DIM)
    there = (place < count)[:, None]
    q = tl.load(query + column[None, :], mask=there & (column < DIM)[None, :], other=0.0)
    t = tl.load(vector + column[:, None], mask=known & (column < DIM)[:, None], other=0.0)
    sums = tl.dot(q, t)
    if REST > 0:
        column = MAIN + tl.arange(0, REST)
        q = tl.load(query + column[None, :], mask=there & (column < DIM)[None, :], other=0.0)
        t = tl.load(vector + column[:, None], mask=known & (column < DIM)[:, None], other=0.0)
        sums = tl.dot(q, t, sums)

    sums = tl.where(known, sums * inverse_scale, NOWHERE)
    to = out + (token * heads + head)[:, None] * (2 * COLUMNS) + tl.where(is_column, COLUMNS, 0)
    tl.store(to + key[None, :], sums.to(out.dtype.element_ty), mask=there)


@triton.jit
def attention_kernel(
    qkv,  # (B * H * W or one more, 3, heads, DIM)
    by_rows,  # with many rows in a block (SIDE, SIDE, DIM), for a query's row and a key's
    by_columns,  # and the same for columns; else (B * H * W, heads, 2, COLUMNS), twice
    out,  # (B * H * W, heads, DIM)
    height,
    width,
    across,  # windows in a row
    heads,
    spare,  # the token that padding is read as
    scale_log2,  # the scale of scores, for exponentials to the base of 2
    inverse_scale,
    DIM: tl.constexpr,
    MAIN: tl.constexpr,  # channels of a head in the first product, and in the second
    REST: tl.constexpr,
    SIDE: tl.constexpr,
    COLUMNS: tl.constexpr,
    ROWS: tl.constexpr,  # of keys in a block
    QUERIES: tl.constexpr,
):
    """Attention of `QUERIES` queries of a window to all its keys."""
    chunk, window, of_head = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    image, head = of_head // heads, of_head % heads
    top, left = window // across * SIDE, window % across * SIDE
    first = image * height * width
    rows, columns = tl.minimum(SIDE, height - top), tl.minimum(SIDE, width - left)
    if chunk * QUERIES < rows * columns:
        stride = 3 * heads * DIM
        index = chunk * QUERIES + tl.arange(0, QUERIES)
        is_query = index < rows * columns
        query_row, query_column = index // columns, index % columns
        token = tl.where(is_query, first + (top + query_row) * width + left + query_column, 0)
        at_main, at_rest = tl.arange(0, MAIN), MAIN + tl.arange(0, REST if REST > 0 else 16)
        query = qkv + head * DIM + token.to(tl.int64)[:, None] * stride
        q_main = _channels(query + at_main[None, :], at_main[None, :], DIM, MAIN)
        if REST > 0:
            q_rest = _channels(query + at_rest[None, :], at_rest[None, :], DIM, MAIN + REST)

        # Of many rows of keys in a block, positions are added by a product; of a single one, as they are.
        line = tl.arange(0, COLUMNS)
        if ROWS > 1:
            near_row = tl.dot(q_main, _distances(by_rows, at_main, DIM, SIDE, COLUMNS))
            near_column = tl.dot(q_main, _distances(by_columns, at_main, DIM, SIDE, COLUMNS))
            if REST > 0:
                near_row = tl.dot(q_rest, _distances(by_rows, at_rest, DIM, SIDE, COLUMNS), near_row)
                near_column = tl.dot(q_rest, _distances(by_columns, at_rest, DIM, SIDE, COLUMNS), near_column)
            by_row = _of_lines(near_row, query_row, line, inverse_scale, SIDE).to(q_main.dtype)
            by_column = _of_lines(near_column, query_column, line, inverse_scale, SIDE).to(q_main.dtype)
        else:
            near = by_rows + (token.to(tl.int64) * heads + head) * (2 * COLUMNS)
            by_column = tl.load(near[:, None] + COLUMNS + line[None, :])

        top_score = tl.full([QUERIES], float("-inf"), tl.float32)
        total = tl.zeros([QUERIES], tl.float32)
        sum_main = tl.zeros([QUERIES, MAIN], tl.float32)
        if REST > 0:
            sum_rest = tl.zeros([QUERIES, REST], tl.float32)
        key = tl.arange(0, ROWS * COLUMNS)
        key_column = left + key % COLUMNS
        for row in range(0, SIDE, ROWS):
            key_row = top + row + key // COLUMNS
            is_inside = (key_row < height) & (key_column < width)
            at = tl.where(is_inside, first + key_row * width + key_column, spare).to(tl.int64) * stride
            k = qkv + heads * DIM + head * DIM + at
            v = (k + heads * DIM)[:, None]

            scores = tl.dot(q_main, _channels(k[None, :] + at_main[:, None], at_main[:, None], DIM, MAIN))
            if REST > 0:
                k_rest = _channels(k[None, :] + at_rest[:, None], at_rest[:, None], DIM, MAIN + REST)
                scores = tl.dot(q_rest, k_rest, scores)
            if ROWS > 1:
                of_row = (line[:, None] == (row + key // COLUMNS)[None, :]).to(q_main.dtype)
                of_column = (line[:, None] == (key % COLUMNS)[None, :]).to(q_main.dtype)
                scores = tl.dot(by_row, of_row, scores)
                scores = tl.dot(by_column, of_column, scores)
                higher = tl.maximum(top_score, tl.max(scores, 1))
                less = higher * scale_log2
            else:
                scores += by_column
                of_row = tl.load(near + row).to(tl.float32)
                higher = tl.maximum(top_score, tl.max(scores, 1) + of_row)
                less = (higher - of_row) * scale_log2
            weights = tl.exp2(scores * scale_log2 - less[:, None])
            faded = tl.exp2((top_score - higher) * scale_log2)
            total = total * faded + tl.sum(weights, 1)
            top_score = higher

            weights = weights.to(q_main.dtype)
            v_main = _channels(v + at_main[None, :], at_main[None, :], DIM, MAIN)
            sum_main = tl.dot(weights, v_main, sum_main * faded[:, None])
            if REST > 0:
                v_rest = _channels(v + at_rest[None, :], at_rest[None, :], DIM, MAIN + REST)
                sum_rest = tl.dot(weights, v_rest, sum_rest * faded[:, None])

        to = out + head * DIM + token.to(tl.int64)[:, None] * (heads * DIM)
        share = 1.0 / total[:, None]
        there = is_query[:, None]
        result = (sum_main * share).to(out.dtype.element_ty)
        tl.store(to + at_main[None, :], result, mask=there & (at_main < DIM)[None, :])
        if REST > 0:
            result = (sum_rest * share).to(out.dtype.element_ty)
            tl.store(to + at_rest[None, :], result, mask=there & (at_rest < DIM)[None, :])


@triton.jit
def _distances(table, channel, DIM: tl.constexpr, SIDE: tl.constexpr, COLUMNS: tl.constexpr):
    """The position vectors of all distances, `(channels, 2 * COLUMNS)`; that of none is at SIDE - 1."""
    distance = tl.arange(0, 2 * COLUMNS) - (SIDE - 1)
    at = tl.maximum(distance, 0) * SIDE + tl.maximum(-distance, 0)
    there = (distance < SIDE)[None, :] & (channel < DIM)[:, None]
    return tl.load(table + at[None, :] * DIM + channel[:, None], mask=there, other=0.0)


@triton.jit
def _of_lines(near, query_line, line, inverse_scale, SIDE: tl.constexpr):
    """What each row, or column, of keys adds to scores, `(QUERIES, COLUMNS)`, from what all distances do."""
    distance = query_line[:, None] - line[None, :] + SIDE - 1
    chosen = tl.gather(near, tl.minimum(tl.maximum(distance, 0), 2 * SIDE - 2), 1)
    return tl.where((line < SIDE)[None, :], chosen * inverse_scale, NOWHERE)


@triton.jit
def _channels(pointers, channel, DIM: tl.constexpr, END: tl.constexpr):
    """Channels of tokens, and zeros for those past the last of a head."""
    if END > DIM:
        return tl.load(pointers, mask=channel < DIM, other=0.0)
    return tl.load(pointers)
