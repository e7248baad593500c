// Depth alone: before anything is shaded, and of what the key light sees. What a cut-out leaves out has no depth
// (alpha mode MASK, glTF 2.0, 3.9.4).
#ifdef ALPHA_MASK
#include "material.glsl"
#ifdef COLORS
in vec4 v_color;
#endif
#ifdef BASE_UV
in vec2 BASE_UV;
uniform sampler2D u_base_texture;
#endif
#endif

void main() {
#ifdef ALPHA_MASK
    float alpha = u_base_color.a;
#ifdef COLORS
    alpha *= v_color.a;
#endif
#ifdef BASE_UV
    alpha *= texture(u_base_texture, BASE_UV).a;
#endif
    if (alpha < u_emissive.w) discard;
#endif
}
