// One material's numbers (glTF 2.0, 3.9). Layout: renderer/gl/blocks.py.
layout(std140) uniform Material {
    vec4 u_base_color;
    vec4 u_emissive;     // rgb times strength, w: alpha cut-off
    vec4 u_surface;      // metallic, roughness, normal scale, occlusion strength
    vec4 u_uv_rows[16];  // two rows of a 2x3 matrix for each of at most eight coordinate pairs
};
