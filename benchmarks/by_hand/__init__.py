"""The training step of the tutorial's RNN-RBM, written by hand for libraries that this project is measured against.

Each module has the same parts, in the manner of its library:

    biases(params, v)                            the recurrence: bv_t, bh_t
    negative(W, bv_t, bh_t, v, rng, k)           the end of the Gibbs chain: v_sample
    gradient(params, v, v_sample, weights)       the cost at given negative particles, and its gradient
    step(params, v, weights, rng, k, lr)         one update by plain gradient descent, and its monitor

`params` are W, bv, bh, Wuh, Wuv, Wvu, Wuu, bu. v is (n_steps, n_visible), or (n_steps, n_sequences, n_visible);
`weights` are those of its frames in the cost, of shape v.shape[:-1] and sum 1: see `initial.frame_weights`.
"""
