"""Training steps written by hand for the libraries that this project is measured against.

The tutorial's RNN-RBM has a module LIBRARY_step for each library. All have the same parts, in the library's manner:

    biases(params, v)                            the recurrence: bv_t, bh_t
    negative(W, bv_t, bh_t, v, rng, k)           the end of the Gibbs chain: v_sample
    gradient(params, v, v_sample, weights)       the cost at given negative particles, and its gradient
    step(params, v, weights, rng, k, lr)         one update by plain gradient descent, and its monitor

`params` are W, bv, bh, Wuh, Wuv, Wvu, Wuu, bu. v is (n_steps, n_visible), or (n_steps, n_sequences, n_visible);
`weights` are those of its frames in the cost, of shape v.shape[:-1] and sum 1: see `initial.frame_weights`.

LIBRARY_lstm_rtrbm and LIBRARY_rnn_nade are the same for two related models. The parameters of the LSTM-RTRBM are
W, bv, bh, Wuh, Wsh, Wv, Ws, b. The last three have the gates i, f, g, o side by side, so one product gives all four.
The RNN-NADE has V after W. It draws nothing, and its functions are

    gradient(params, v, weights)                 the cost, which is -log p(v), and its gradient
    step(params, v, weights, lr)

and in JAX both take the highest number of notes in a frame as well, since JAX compiles for fixed shapes.
"""
