"""Which of torch's operators (aten) an exported program may call: functions of tensors and numbers, nothing else.

Others would write files (from_file), draw random numbers or reach other memory (set_). An operator
stands here without the underscore of its variant in place.
"""

from __future__ import annotations

OPERATORS = frozenset(
    # layers
    "conv1d conv2d convolution _convolution linear addmm addbmm baddbmm mm bmm matmul mv dot einsum bilinear embedding"
    # norms
    " batch_norm native_batch_norm _native_batch_norm_legit_no_training _native_batch_norm_legit"
    " _batch_norm_no_update layer_norm native_layer_norm group_norm native_group_norm instance_norm rms_norm norm"
    " linalg_vector_norm linalg_norm"
    # activations
    " relu relu6 prelu _prelu_kernel leaky_relu elu selu celu gelu silu mish hardswish hardsigmoid hardtanh sigmoid"
    " tanh softplus softmax _softmax log_softmax _log_softmax log_sigmoid threshold glu dropout"
    " feature_dropout native_dropout"
    # attention
    " scaled_dot_product_attention _scaled_dot_product_flash_attention_for_cpu"
    # pooling and resizing
    " max_pool2d max_pool2d_with_indices avg_pool2d adaptive_avg_pool1d adaptive_avg_pool2d _adaptive_avg_pool2d"
    " adaptive_max_pool2d upsample_nearest2d upsample_bilinear2d upsample_bicubic2d _upsample_bicubic2d_aa"
    " _upsample_bilinear2d_aa pad constant_pad_nd reflection_pad2d replication_pad2d pixel_shuffle pixel_unshuffle"
    " channel_shuffle grid_sampler affine_grid_generator im2col"
    # arithmetic
    " add sub rsub mul div true_divide floor_divide remainder fmod neg abs sign reciprocal pow square sqrt rsqrt exp"
    " exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan atan2 erf ceil floor round trunc frac addcmul addcdiv"
    " lerp clamp clamp_min clamp_max clip maximum minimum nan_to_num"
    # comparison
    " eq ne lt le gt ge logical_and logical_or logical_not logical_xor bitwise_and bitwise_or bitwise_not isnan isinf"
    " isfinite where masked_fill"
    # reduction
    " sum mean amax amin max min argmax argmin prod var var_mean std std_mean logsumexp cumsum any all topk sort"
    " cosine_similarity"
    # shape
    " view _unsafe_view view_as reshape _reshape_alias flatten unflatten squeeze unsqueeze permute transpose t mT"
    " numpy_T as_strided swapaxes movedim"
    " expand expand_as repeat repeat_interleave tile cat concat concatenate stack split"
    " split_with_sizes chunk unbind narrow select slice index index_select gather flip roll rot90 tril triu diagonal"
    " contiguous clone copy to _to_copy type_as detach alias lift_fresh_copy lift_fresh broadcast_to sym_size"
    " sym_numel sym_stride size numel"
    # made
    " zeros ones full zeros_like ones_like full_like new_zeros new_ones new_full arange linspace eye"
    " scalar_tensor fill zero meshgrid".split()
)
