"""Settings every test runs under: JAX on eight virtual CPU devices, offline."""

import os

import hypothesis
import pytest

DEVICE_COUNT = 8

# Set before any test module imports keras, jax or tensorflow, and inherited by
# the subprocesses that tests start.
os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["XLA_FLAGS"] = " ".join(
    [
        os.environ.get("XLA_FLAGS", ""),
        f"--xla_force_host_platform_device_count={DEVICE_COUNT}",
    ]
).strip()
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
os.environ["MPLBACKEND"] = "Agg"
# Nothing may ask the network: not for cloud credentials, not for a preset.
os.environ["NO_GCE_CHECK"] = "true"
os.environ["HF_HUB_OFFLINE"] = "1"

hypothesis.settings.register_profile(
    "deterministic", derandomize=True, deadline=None, print_blob=True
)
hypothesis.settings.load_profile("deterministic")


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory):
    """Rows that tests make are none of the user's."""
    os.environ["GEMMA_KERAS_FT_CACHE"] = str(tmp_path_factory.mktemp("cache"))


def pytest_configure(config):
    """Keeps compiled programs between runs, where compiling is most of a test."""
    if not config.pluginmanager.hasplugin("cacheprovider"):
        return
    folder = config.cache.mkdir("jax_compilation")
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(folder))
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"


@pytest.fixture(scope="session")
def small_preset(tmp_path_factory):
    """A preset folder of a random Gemma 2 that is made here, as a user's would be."""
    import keras
    import keras_hub

    from gemma_keras_ft.model.preset import tiny_preset_path

    keras.utils.set_random_seed(0)
    vocabulary = tiny_preset_path() / "assets" / "tokenizer" / "vocabulary.spm"
    tokenizer = keras_hub.models.GemmaTokenizer(proto=vocabulary.read_bytes())
    backbone = keras_hub.models.GemmaBackbone(
        vocabulary_size=tokenizer.vocabulary_size(),
        num_layers=2,
        num_query_heads=4,
        num_key_value_heads=2,
        hidden_dim=32,
        intermediate_dim=64,
        head_dim=8,
        use_post_ffw_norm=True,
        use_post_attention_norm=True,
        attention_logit_soft_cap=50,
        final_logit_soft_cap=30,
        use_sliding_window_attention=True,
        sliding_window_size=8,
        dtype="float32",
    )
    preprocessor = keras_hub.models.GemmaCausalLMPreprocessor(
        tokenizer, sequence_length=64
    )
    model = keras_hub.models.GemmaCausalLM(backbone, preprocessor)
    folder = tmp_path_factory.mktemp("presets") / "small_gemma2"
    model.save_to_preset(str(folder))
    return folder


@pytest.fixture
def small_model(small_preset):
    """The model of `small_preset`, freshly loaded."""
    from gemma_keras_ft.model.preset import load_preset

    return load_preset(small_preset)
