"""Over which devices a batch is spread."""


def batch_axis_size() -> int:
    """Returns over how many devices a batch is spread; 1 without a distribution."""
    import keras

    distribution = keras.distribution.distribution()
    if distribution is None:
        return 1
    mesh = distribution.device_mesh
    return mesh.shape[mesh.axis_names.index(distribution.batch_dim_name)]
