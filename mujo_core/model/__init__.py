"""The joint feature space: one encoder a modality, fused to one unit vector."""
