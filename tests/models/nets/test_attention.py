"""The attention block: rows sum to one, sparse over all places is dense, blocks change nothing."""

import torch

from vidcolor.models.nets import attention


def pair(n=50, m=40, d=8, c=3):
    generator = torch.Generator().manual_seed(0)
    return (torch.randn(2, k, x, generator=generator) for k, x in ((n, d), (m, d), (m, c)))


def test_rows_sum_to_one():
    query, key, _ = pair()
    for temperature in (None, 0.01):
        torch.testing.assert_close(attention.scores(query, key, temperature).softmax(-1).sum(-1), torch.ones(2, 50))


def test_sparse_over_all_places_is_dense():
    query, key, value = pair()
    order = torch.randperm(40, generator=torch.Generator().manual_seed(0))
    dense, best = attention.attend(query, key, value, 0.1)
    sparse, again = attention.attend(query, key[:, order], value[:, order], 0.1)
    torch.testing.assert_close(sparse, dense)
    torch.testing.assert_close(again, best)


def test_scaling_comes_before_the_softmax():
    query, key, value = pair()
    expected = torch.softmax(query @ key.transpose(1, 2) / 8**0.5, -1) @ value
    torch.testing.assert_close(attention.attend(query, key, value)[0], expected)


def test_best_is_a_cosine_where_a_temperature_is_given():
    _, key, value = pair()
    _, best = attention.attend(key, key, value, 0.01)
    torch.testing.assert_close(best, torch.ones(2, 40, 1))


def test_blocks_change_nothing(monkeypatch):
    query, key, value = pair()
    whole, best = attention.attend(query, key, value, 0.1)
    monkeypatch.setattr(attention, "ROWS", 7)
    with torch.no_grad():
        parts, again = attention.attend(query, key, value, 0.1)
    torch.testing.assert_close(parts, whole)
    torch.testing.assert_close(again, best)


def test_bias_counts_in_the_softmax_and_not_in_the_best_score():
    query, key, value = pair()
    bias = torch.zeros(2, 1, 40)
    bias[..., 5:] = -1e4
    found, best = attention.attend(query, key, value, 0.1, bias)
    torch.testing.assert_close(found, attention.attend(query, key[:, :5], value[:, :5], 0.1)[0])
    torch.testing.assert_close(best, attention.attend(query, key, value, 0.1)[1])


def test_tokens_are_row_by_row():
    maps = torch.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)
    assert (attention.tokens(maps)[1, 7] == maps[1, :, 1, 2]).all()
