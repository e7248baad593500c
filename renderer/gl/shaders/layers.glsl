// Numbers of a material's layers beyond metallic-roughness (the KHR_materials extensions named below).
// Layout: renderer/gl/blocks.py.
layout(std140) uniform Layers {
    vec4 u_specular;      // rgb: colour of the reflection, w: its weight (KHR_materials_specular)
    vec4 u_coat;          // factor, roughness, normal scale (KHR_materials_clearcoat)
    vec4 u_sheen;         // rgb: colour, w: roughness (KHR_materials_sheen)
    vec4 u_transmission;  // factor, thickness in metres (KHR_materials_volume), index of refraction, f0 that follows
    vec4 u_attenuation;   // rgb: what a metre leaves of light (KHR_materials_volume)
    vec4 u_film;          // factor, index, least and greatest thickness in nanometres (KHR_materials_iridescence)
    vec4 u_anisotropy;    // strength, cosine and sine of the direction (KHR_materials_anisotropy)
};
