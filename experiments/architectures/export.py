"""Small random architectures as ONNX, with what PyTorch computes for them.

    python export.py OUT [NAME…]

For every architecture (or those named; a part of a name will do) it writes OUT/NAME/model.onnx and OUT/NAME/reference.safetensors:
inputs, output, loss (half the mean of the squared output) and the gradients of the parameters that keep their name in the graph, in
evaluation mode; and where there is BatchNorm, the same with batch statistics, and the running statistics after that pass.
Names that end in `_dynamo` come from PyTorch's newer exporter (operator set 18), those in `_functions` too, with its functions left in the
file; the others come from the classic exporter (operator set 17).
"""

import os
import sys
import traceback

import numpy
import onnx
import safetensors.numpy
import torch

BATCH = 2


def timm_model(name, **settings):
    def build():
        import timm

        return timm.create_model(name, pretrained=False, num_classes=5, **settings)

    return build


def vision(name, size=64, **settings):
    """A model of timm, fed with images of `size` pixels."""
    return timm_model(name, **settings), lambda: {"pixel_values": torch.randn(BATCH, 3, size, size)}, ("logits",)


def torchvision_model(name, size=64, **settings):
    def build():
        import torchvision

        return torchvision.models.get_model(name, weights=None, num_classes=5, **settings)

    return build, lambda: {"pixel_values": torch.randn(BATCH, 3, size, size)}, ("logits",)


class Wrapped(torch.nn.Module):
    """A model of transformers as a function of tensors, which gives one tensor."""

    def __init__(self, model, names, output):
        super().__init__()
        self.model, self.names, self.output = model, names, output

    def forward(self, *tensors):
        return getattr(self.model(**dict(zip(self.names, tensors))), self.output)


def text(config, model, output="last_hidden_state", inputs=("input_ids", "attention_mask"), **settings):
    """A model of transformers, fed with tokens of which some are padding."""

    def build():
        import transformers

        torch.manual_seed(0)
        network = getattr(transformers, model)(getattr(transformers, config)(**settings))
        return Wrapped(network, inputs, output)

    def feed():
        tokens = torch.randint(5, 90, (BATCH, 12))
        mask = torch.ones(BATCH, 12, dtype=torch.int64)
        mask[1, 8:] = 0
        every = {"input_ids": tokens, "attention_mask": mask, "token_type_ids": torch.zeros_like(tokens)}
        return {name: every[name] for name in inputs}

    return build, feed, (output,)


def images(config, model, output, size=32, **settings):
    """A vision model of transformers."""

    def build():
        import transformers

        network = getattr(transformers, model)(getattr(transformers, config)(**settings))
        return Wrapped(network, ("pixel_values",), output)

    return build, lambda: {"pixel_values": torch.randn(BATCH, 3, size, size)}, (output,)


SMALL = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, vocab_size=100)
CONVNEXT = dict(depths=(1, 1, 2, 1), dims=(8, 16, 24, 32))

def small_nfnet(kind):
    from timm.models.nfnet import NfCfg, NormFreeNet

    def build():
        base = dict(depths=(1, 1, 1, 1), channels=(16, 32, 48, 64), stem_type="deep_quad", stem_chs=16, group_size=8, bottle_ratio=0.5, num_features=64)
        settings = dict(attn_layer="eca") if kind == "eca" else dict(attn_layer="se", attn_kwargs=dict(rd_ratio=0.5))
        extra = dict(extra_conv=True, gamma_in_act=True, act_layer="gelu", skipinit=True) if kind == "dm" else dict(gamma_in_act=True, same_padding=False, act_layer="silu")
        return NormFreeNet(NfCfg(**base, **settings, **extra), num_classes=5)

    return build, lambda: {"pixel_values": torch.randn(BATCH, 3, 64, 64)}, ("logits",)


ARCHITECTURES = {
    # convolutional
    "convnext": vision("convnext_atto", **CONVNEXT),
    "convnext_dynamo": vision("convnext_atto", **CONVNEXT),
    "convnext_functions": vision("convnext_atto", **CONVNEXT),
    "convnextv2": vision("convnextv2_atto", **CONVNEXT),
    "convnextv2_dynamo": vision("convnextv2_atto", **CONVNEXT),
    "nfnet": small_nfnet("dm"),
    "nfnet_dynamo": small_nfnet("dm"),
    "eca_nfnet_dynamo": small_nfnet("eca"),
    "regnet": vision("regnety_002"),
    "regnetz_dynamo": vision("regnetz_005"),
    "repvgg": vision("repvgg_a0"),
    "mobileone": vision("mobileone_s0"),
    "vgg": vision("vgg11_bn", size=224),
    "squeezenet": torchvision_model("squeezenet1_1"),
    "ghostnet": vision("ghostnet_050"),
    "ghostnetv2_dynamo": vision("ghostnetv2_100"),
    "hrnet": vision("hrnet_w18_small"),
    "dla": vision("dla46_c"),
    "inception": vision("inception_v3", size=160),
    "googlenet": torchvision_model("googlenet", aux_logits=False, init_weights=False, size=64),
    "resnest": vision("resnest14d"),
    "res2net": vision("res2net50_26w_4s"),
    "sknet": vision("skresnet18"),
    "seresnext_dynamo": vision("seresnext26d_32x4d"),
    "resnet_dynamo": vision("resnet10t"),
    "resnetv2": vision("resnetv2_50", layers=(1, 1, 1, 1)),
    "resnetv2_bit": vision("resnetv2_50x1_bit"),
    "cspnet": vision("cspresnet50"),
    "darknet": vision("darknet17"),
    "vovnet": vision("ese_vovnet19b_slim"),
    "dpn": vision("dpn48b"),
    "xception": vision("xception41p"),
    "selecsls": vision("selecsls42b"),
    "pnasnet": vision("hardcorenas_a"),
    "mnasnet_dynamo": vision("mnasnet_small"),
    "mobilenetv2_dynamo": vision("mobilenetv2_035"),
    "mobilenetv3_dynamo": vision("mobilenetv3_small_050"),
    "mobilenetv4": vision("mobilenetv4_conv_small_050"),
    "mobilenetv4_hybrid": vision("mobilenetv4_hybrid_medium"),
    "efficientnet_dynamo": vision("test_efficientnet"),
    "efficientnetv2": vision("efficientnetv2_rw_t"),
    "tinynet": vision("tinynet_e"),
    "rexnet": vision("rexnet_100"),
    "lcnet": vision("lcnet_035"),
    "fbnetv3": vision("fbnetv3_b"),
    "hgnetv2": vision("hgnetv2_b0"),
    "starnet": vision("repghostnet_050"),
    "inception_next": vision("inception_next_atto"),
    "focalnet": vision("focalnet_tiny_srf"),
    "tresnet": vision("tresnet_m"),
    "byoanet_lambda": vision("eca_botnext26ts_256", size=256),
    "halonet": vision("halonet26t", size=256),
    "lambda_resnet": vision("lambda_resnet26t", size=64),
    "mambaout": vision("mambaout_femto", depths=(1, 1, 1, 1), dims=(8, 16, 24, 32)),
    "mambaout_dynamo": vision("mambaout_femto", depths=(1, 1, 1, 1), dims=(8, 16, 24, 32)),
    # both
    "coatnet": vision("coatnet_nano_rw_224", size=64, img_size=64, depths=(1, 1, 1, 1), embed_dim=(32, 32, 64, 64), stem_width=8),
    "coatnet_rmlp_dynamo": vision("coatnet_rmlp_nano_rw_224", size=64, img_size=64, depths=(1, 1, 1, 1), embed_dim=(32, 32, 64, 64), stem_width=8),
    "coatnext": vision("coatnext_nano_rw_224", size=64, img_size=64, depths=(1, 1, 1, 1), embed_dim=(32, 32, 64, 64), stem_width=8),
    "maxvit": vision("maxvit_pico_rw_256", size=64, img_size=64, depths=(1, 1, 1, 1), embed_dim=(32, 32, 32, 32)),
    "maxxvit_dynamo": vision("maxxvit_rmlp_nano_rw_256", size=64, img_size=64, depths=(1, 1, 1, 1), embed_dim=(32, 32, 32, 32)),
    "edgenext": vision("edgenext_xx_small"),
    "efficientformer": vision("efficientformer_l1", size=224),
    "efficientformerv2": vision("efficientformerv2_s0", size=224),
    "efficientvit": vision("efficientvit_b0"),
    "efficientvit_m": vision("efficientvit_m0", size=224),
    "levit": vision("levit_128s", size=224),
    "levit_conv_dynamo": vision("levit_conv_128s", size=224),
    "poolformer": vision("poolformer_s12"),
    "poolformerv2": vision("poolformerv2_s12"),
    "caformer": vision("caformer_s18"),
    "mobilevit": vision("mobilevit_xxs"),
    "mobilevitv2_dynamo": vision("mobilevitv2_050"),
    "repvit": vision("repvit_m0_9"),
    "fastvit": vision("fastvit_t8"),
    "fastvit_dynamo": vision("fastvit_t8"),
    "tiny_vit": vision("tiny_vit_5m_224", size=224),
    "nextvit": vision("nextvit_small", size=64),
    "crossvit": vision("crossvit_tiny_240", size=240),
    "convmixer": vision("convit_tiny", size=224, depth=2),
    "davit": vision("davit_tiny", depths=(1, 1, 1, 1), embed_dims=(16, 32, 48, 64), num_heads=(1, 2, 3, 4)),
    "gcvit": vision("gcvit_xxtiny", size=224),
    "hiera": vision("hiera_tiny_224", size=224, embed_dim=16),
    "mvitv2": vision("mvitv2_tiny", size=224),
    "pit": vision("pit_ti_224", size=224),
    "pvt_v2": vision("pvt_v2_b0"),
    "twins": vision("twins_pcpvt_small", size=64, img_size=64),
    "visformer": vision("visformer_tiny", size=224),
    "xcit": vision("xcit_nano_12_p16_224", depth=2),
    "nest": vision("nest_tiny_jx", size=224),
    "sequencer": vision("gmixer_24_224", size=224),
    # transformers for images
    "swin": vision("swin_tiny_patch4_window7_224", size=56, img_size=56, embed_dim=16, depths=(2, 2), num_heads=(2, 4)),
    "swin_dynamo": vision("swin_tiny_patch4_window7_224", size=56, img_size=56, embed_dim=16, depths=(2, 2), num_heads=(2, 4)),
    "swinv2": vision("swinv2_cr_tiny_224", size=56, img_size=56, embed_dim=16, depths=(2, 2), num_heads=(2, 4), window_size=7),
    "swinv2_dynamo": vision("swinv2_tiny_window8_256", size=64, img_size=64, embed_dim=16, depths=(2, 2), num_heads=(2, 4), window_size=8),
    "vit_relpos": vision("vit_relpos_small_patch16_224", size=64, img_size=64, embed_dim=32, depth=2, num_heads=2),
    "vit_functions": vision("vit_tiny_patch16_224", size=64, img_size=64, embed_dim=32, depth=2, num_heads=2),
    "mobilenetv3_functions": vision("mobilenetv3_small_050"),
    "vit_relpos_dynamo": vision("vit_relpos_small_patch16_224", size=64, img_size=64, embed_dim=32, depth=2, num_heads=2),
    "vit_srelpos": vision("vit_srelpos_small_patch16_224", size=64, img_size=64, embed_dim=32, depth=2, num_heads=2),
    "deit": vision("deit_tiny_distilled_patch16_224", size=64, img_size=64, embed_dim=32, depth=2, num_heads=2),
    "deit3_dynamo": vision("deit3_small_patch16_224", size=64, img_size=64, embed_dim=32, depth=2, num_heads=2),
    "beit": vision("beit_base_patch16_224", size=64, img_size=64, embed_dim=32, depth=2, num_heads=2),
    "beitv2_dynamo": vision("beitv2_base_patch16_224", size=64, img_size=64, embed_dim=32, depth=2, num_heads=2),
    "eva": vision("eva02_tiny_patch14_224", size=56, img_size=56, embed_dim=48, depth=2, num_heads=2),
    "cait": vision("cait_xxs24_224", size=64, img_size=64, embed_dim=32, depth=2, num_heads=2),
    "mixer": vision("mixer_s32_224", size=64, img_size=64),
    "resmlp": vision("resmlp_12_224", size=64, img_size=64),
    "gmlp": vision("gmlp_s16_224", size=64, img_size=64),
    "siglip_dynamo": vision("vit_base_patch16_siglip_224", size=64, img_size=64, embed_dim=32, depth=2, num_heads=2),
    "vit_dinov2": vision("vit_small_patch14_reg4_dinov2", size=56, img_size=56, embed_dim=32, depth=2, num_heads=2),
    "vit_rope": vision("vitamin_small_224", size=64, img_size=64),
    "hf_vit": images("ViTConfig", "ViTForImageClassification", "logits", image_size=32, patch_size=8, **{k: v for k, v in SMALL.items() if k != "vocab_size"}),
    "hf_dinov2": images("Dinov2Config", "Dinov2ForImageClassification", "logits", image_size=32, patch_size=8, hidden_size=32, num_hidden_layers=2, num_attention_heads=4),
    "hf_segformer": images("SegformerConfig", "SegformerForImageClassification", "logits", size=64, hidden_sizes=[8, 16, 16, 32], depths=[1, 1, 1, 1], num_attention_heads=[1, 2, 2, 4]),
    "hf_convnext_dynamo": images("ConvNextConfig", "ConvNextForImageClassification", "logits", size=64, hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1]),
    "hf_swin": images("SwinConfig", "SwinForImageClassification", "logits", size=32, image_size=32, patch_size=2, embed_dim=16, depths=[2, 2], num_heads=[2, 4], window_size=4),
    "hf_clip_vision": images("CLIPVisionConfig", "CLIPVisionModel", "pooler_output", size=32, image_size=32, patch_size=8, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64),
    # transformers for texts
    "bert_dynamo": text("BertConfig", "BertModel", **SMALL),
    "bert_functions": text("BertConfig", "BertModel", **SMALL),
    "bert_classifier": text("BertConfig", "BertForSequenceClassification", "logits", ("input_ids", "attention_mask", "token_type_ids"), **SMALL),
    "roberta_dynamo": text("RobertaConfig", "RobertaModel", **SMALL),
    "xlm_roberta": text("XLMRobertaConfig", "XLMRobertaForTokenClassification", "logits", **SMALL),
    "distilbert_dynamo": text("DistilBertConfig", "DistilBertModel", dim=32, n_layers=2, n_heads=4, hidden_dim=64, vocab_size=100),
    "deberta": text("DebertaConfig", "DebertaModel", relative_attention=True, pos_att_type=["c2p", "p2c"], **SMALL),
    "deberta_v2": text("DebertaV2Config", "DebertaV2Model", relative_attention=True, position_buckets=16, pos_att_type=["p2c", "c2p"], share_att_key=True, norm_rel_ebd="layer_norm", **SMALL),
    "deberta_v2_dynamo": text("DebertaV2Config", "DebertaV2Model", relative_attention=True, position_buckets=16, pos_att_type=["p2c", "c2p"], share_att_key=True, norm_rel_ebd="layer_norm", **SMALL),
    "deberta_v2_conv": text("DebertaV2Config", "DebertaV2ForTokenClassification", "logits", relative_attention=True, position_buckets=-1, pos_att_type=["p2c", "c2p"], conv_kernel_size=3, conv_act="gelu", **SMALL),
    "mpnet": text("MPNetConfig", "MPNetModel", **SMALL),
    "mpnet_dynamo": text("MPNetConfig", "MPNetModel", **SMALL),
    "t5_encoder": text("T5Config", "T5EncoderModel", d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, vocab_size=100),
    "t5_encoder_dynamo": text("T5Config", "T5EncoderModel", d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, vocab_size=100, feed_forward_proj="gated-gelu"),
    "xlnet": text("XLNetConfig", "XLNetModel", d_model=32, n_layer=2, n_head=4, d_inner=64, vocab_size=100),
    "funnel": text("FunnelConfig", "FunnelBaseModel", block_sizes=[1, 1], d_model=32, n_head=4, d_head=8, d_inner=64, vocab_size=100),
    "gpt_neo": text("GPTNeoConfig", "GPTNeoModel", hidden_size=32, num_layers=2, attention_types=[[["global", "local"], 1]], num_heads=4, vocab_size=100, max_position_embeddings=64, use_cache=False),
    "gpt_neox": text("GPTNeoXConfig", "GPTNeoXModel", use_cache=False, max_position_embeddings=64, **SMALL),
    "gpt2_dynamo": text("GPT2Config", "GPT2Model", n_embd=32, n_layer=2, n_head=4, vocab_size=100, n_positions=64, use_cache=False),
    "opt": text("OPTConfig", "OPTModel", hidden_size=32, num_hidden_layers=2, num_attention_heads=4, ffn_dim=64, vocab_size=100, word_embed_proj_dim=32, max_position_embeddings=64, use_cache=False),
    "llama": text("LlamaConfig", "LlamaModel", num_key_value_heads=2, max_position_embeddings=64, use_cache=False, **SMALL),
    "llama_dynamo": text("LlamaConfig", "LlamaModel", num_key_value_heads=2, max_position_embeddings=64, use_cache=False, **SMALL),
    "qwen2": text("Qwen2Config", "Qwen2Model", num_key_value_heads=2, max_position_embeddings=64, use_cache=False, **SMALL),
    "bloom": text("BloomConfig", "BloomModel", hidden_size=32, n_layer=2, n_head=4, vocab_size=100, use_cache=False),
    "camembert": text("CamembertConfig", "CamembertModel", **SMALL),
    "squeezebert": text("SqueezeBertConfig", "SqueezeBertModel", embedding_size=32, **SMALL),
    "mobilebert": text("MobileBertConfig", "MobileBertModel", embedding_size=16, intra_bottleneck_size=16, true_hidden_size=16, **SMALL),
    "convbert": text("ConvBertConfig", "ConvBertModel", embedding_size=32, **SMALL),
    "ibert": text("IBertConfig", "IBertModel", quant_mode=False, **SMALL),
    "fnet": text("FNetConfig", "FNetModel", inputs=("input_ids",), hidden_size=32, num_hidden_layers=2, intermediate_size=64, vocab_size=100),
    "nystromformer": text("NystromformerConfig", "NystromformerModel", segment_means_seq_len=12, num_landmarks=12, max_position_embeddings=14, **SMALL),
    "layoutlm": text("LayoutLMConfig", "LayoutLMModel", **SMALL),
    "modernbert": text("ModernBertConfig", "ModernBertModel", attn_implementation="eager", local_attention=8, global_attn_every_n_layers=2, pad_token_id=0, reference_compile=False, **SMALL),
    "nomic": text("RoFormerConfig", "RoFormerModel", embedding_size=32, max_position_embeddings=64, **SMALL),
    "ernie_dynamo": text("ErnieConfig", "ErnieModel", **SMALL),
    "electra_dynamo": text("ElectraConfig", "ElectraModel", embedding_size=16, **SMALL),
    "albert_dynamo": text("AlbertConfig", "AlbertModel", embedding_size=16, **SMALL),
    "mbart_encoder": text("BartConfig", "BartModel", d_model=32, encoder_layers=2, decoder_layers=1, encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=64, decoder_ffn_dim=64, vocab_size=100, max_position_embeddings=64, use_cache=False),
    "clip_text": text("CLIPTextConfig", "CLIPTextModel", max_position_embeddings=16, **SMALL),
}


def randomize(model):
    """Weights and running statistics that are nowhere equal or zero, so that every gradient says something."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.numel() and parameter.is_floating_point() and (parameter.ndim < 2 or float(parameter.std() if parameter.numel() > 1 else 0) < 1e-3):
                centre = 1.0 if float(parameter.mean()) > 0.5 else float(parameter.mean())
                parameter.copy_(centre + 0.1 * torch.randn(parameter.shape, generator=generator))
        for module in model.modules():
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm) and module.track_running_stats:
                module.running_mean.copy_(0.1 * torch.randn(module.running_mean.shape, generator=generator))
                module.running_var.copy_(1 + 0.2 * torch.rand(module.running_var.shape, generator=generator))


def export(name, model, inputs, outputs, path):
    names, tensors = list(inputs), tuple(inputs.values())
    if name.endswith(("_dynamo", "_functions")):
        program = torch.onnx.export(
            model, tensors, dynamo=True, input_names=names, output_names=list(outputs), optimize=name.endswith("_dynamo"), verbose=False
        )
        program.save(path)
    else:
        axes = {one: {0: "batch", 1: "sequence"} if tensor.ndim == 2 else {0: "batch"} for one, tensor in inputs.items()}
        settings = dict(dynamo=False) if "dynamo" in torch.onnx.export.__code__.co_varnames else {}
        torch.onnx.export(
            model, tensors, path, input_names=names, output_names=list(outputs), dynamic_axes={**axes, outputs[0]: {0: "batch"}},
            opset_version=17, training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=True, **settings,
        )


def measure(model, inputs, prefix, known, found):
    model.zero_grad(set_to_none=True)
    for module in model.modules():
        # Attention biases that were kept from a pass before, with its graph or without one.
        if hasattr(module, "attention_bias_cache"):
            module.attention_bias_cache = {}
    output = model(*inputs.values())
    loss = (output.double() ** 2).mean() / 2
    loss.backward()
    found[f"{prefix}output"] = output.detach().float().numpy()
    found[f"{prefix}loss"] = numpy.array([loss.item()], dtype=numpy.float32)
    for name, parameter in model.named_parameters():
        if parameter.grad is not None and name in known and known[name].shape == tuple(parameter.shape):
            if numpy.array_equal(known[name], parameter.detach().numpy()):
                found[f"{prefix}grad.{name}"] = parameter.grad.numpy()


def make(name, folder):
    build, feed, outputs = ARCHITECTURES[name]
    torch.manual_seed(0)
    model = build().eval()
    randomize(model)
    torch.manual_seed(2)
    inputs = feed()
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "model.onnx")
    with torch.no_grad():
        model(*inputs.values())
    export(name, model, inputs, outputs, path)
    graph = onnx.load(path).graph
    known = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    found = {f"input.{one}": tensor.numpy() for one, tensor in inputs.items()}
    model.eval()
    measure(model, inputs, "", known, found)
    norms = [(one, module) for one, module in model.named_modules() if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)]
    # The newer exporter may put a normalization into the convolution before it: then there is no training mode to compare.
    kept = sum(node.op_type == "BatchNormalization" for node in graph.node)
    if kept and kept >= sum(module.track_running_stats for _, module in norms):
        for _, module in norms:
            module.train()
        measure(model, inputs, "train.", known, found)
        for one, module in norms:
            named = f"{one}.running_mean" in known or f"{one}.weight" in known
            if named and module.track_running_stats and module.num_batches_tracked.item() > 0:
                found[f"train.running_mean.{one}"] = module.running_mean.numpy()
                found[f"train.running_var.{one}"] = module.running_var.numpy()
    safetensors.numpy.save_file({key: numpy.ascontiguousarray(value) for key, value in found.items()}, os.path.join(folder, "reference.safetensors"))
    gradients = sum(key.startswith("grad.") for key in found)
    print(f"{name}: {len(graph.node)} nodes, {gradients} gradients, output {found['output'].shape}", flush=True)


def main():
    out, wanted = sys.argv[1], sys.argv[2:]
    failed = []
    for name in ARCHITECTURES:
        folder = os.path.join(out, name)
        if wanted and name not in wanted:
            continue
        try:
            make(name, folder)
        except Exception as error:
            failed.append(name)
            print(f"{name}: not made: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}", flush=True)
            if os.environ.get("TRACE"):
                traceback.print_exc()
    print(f"{len(failed)} not made: {failed}")


if __name__ == "__main__":
    main()
