// Fragment stage of every surface: glTF 2.0 metallic-roughness (appendix B) under one directional light and an
// environment, or KHR_materials_unlit; output is display coded and premultiplied by alpha.
#include "frame.glsl"
#include "material.glsl"
#include "color.glsl"

in vec3 v_position;
#ifdef SHADOW
in vec3 v_shadow;
#endif
#ifdef NORMALS
in vec3 v_normal;
#endif
#ifdef TANGENTS
in vec4 v_tangent;
#endif
#ifdef COLORS
in vec4 v_color;
#endif
#ifdef UV0
in vec2 v_uv0;
#endif
#ifdef UV1
in vec2 v_uv1;
#endif
#ifdef UV2
in vec2 v_uv2;
#endif
#ifdef UV3
in vec2 v_uv3;
#endif
#ifdef UV4
in vec2 v_uv4;
#endif
#ifdef UV5
in vec2 v_uv5;
#endif
#ifdef UV6
in vec2 v_uv6;
#endif
#ifdef UV7
in vec2 v_uv7;
#endif
#ifdef BASE_UV
uniform sampler2D u_base_texture;
#endif
#ifdef EMISSIVE_UV
uniform sampler2D u_emissive_texture;
#endif
out vec4 out_color;

#ifdef GRADED
#include "grade.glsl"
#endif
#ifdef TOON
#include "toon_block.glsl"
#endif
#ifdef MOTION_MASK_UV
uniform sampler2D u_motion_mask_texture;
#define MOVING(uv) animated(uv, texture(u_motion_mask_texture, MOTION_MASK_UV).b)
#else
#define MOVING(uv) uv
#endif
#ifndef UNLIT
#include "brdf.glsl"
#ifdef PANORAMA
#include "panorama.glsl"
#elif defined(ENVIRONMENT)
#include "environment.glsl"
#endif
#ifdef SHADOW
#include "shadow.glsl"
#endif
#ifdef LAMPS
#include "lamps.glsl"
#endif
#ifdef LAYERED
#include "layers.glsl"
#endif
#include "normal.glsl"
#ifdef TOON
#include "toon.glsl"
#else
#include "facet.glsl"
#ifdef ANISOTROPY
#include "anisotropy.glsl"
#endif
#include "direct.glsl"
#ifdef ENVIRONMENT
#include "around.glsl"
#endif
#ifdef TRANSMISSION
#include "transmission.glsl"
#endif

vec3 lit(vec3 base) {
    Facet at = facet(base);
    vec3 color = vec3(0.0);
#ifdef KEY_LIGHT
    vec3 key = u_light_color.rgb;
#ifdef SHADOW
    key *= key_light_visible(v_shadow);
#endif
    color += key * direct(at, u_light_direction.xyz);
#endif
#ifdef LAMPS
    for (int lamp = 0; lamp < int(u_lamps.x); lamp++) {
        vec3 towards;
        vec3 arriving = lamp_light(lamp, v_position, towards);
        color += arriving * direct(at, towards);
    }
#endif
#ifdef ENVIRONMENT
    color += surrounded(at);
#endif
#ifdef TRANSMISSION
    color += transmitted(at);
#endif
    return color;
}
#endif
#endif

void main() {
    vec4 base = u_base_color;
#ifdef COLORS
    base *= v_color;
#endif
#ifdef BASE_UV
    base *= texture(u_base_texture, MOVING(BASE_UV));
#endif
#ifdef ALPHA_MASK
    if (base.a < u_emissive.w) discard;
#endif
#ifdef UNLIT
    vec3 color = srgb_encoded(clamp(base.rgb, 0.0, 1.0));
#elif defined(OUTLINE) && !defined(OUTLINE_LIT)
    vec3 color = srgb_encoded(clamp(u_outline.rgb, 0.0, 1.0));
#else
    vec3 color = lit(base.rgb);
#ifdef EMISSIVE_UV
    color += u_emissive.rgb * texture(u_emissive_texture, MOVING(EMISSIVE_UV)).rgb;
#else
    color += u_emissive.rgb;
#endif
#ifdef SHADOW
    color = max(color, 0.0);  // a shadow stronger than 1 takes light away, but not more than there is
#endif
#ifdef OUTLINE
    color = u_outline.rgb * mix(vec3(1.0), color, u_outline.w);
#endif
#ifdef TOON
    color = srgb_encoded(clamp(color * u_look.x, 0.0, 1.0));
#else
    color = srgb_encoded(tone_mapped(color * u_look.x));
#endif
#endif
#ifdef GRADED
    color = graded(color);
#endif
#ifdef ALPHA_BLEND
    out_color = vec4(color * base.a, base.a);
#elif defined(TRANSMISSION)
    out_color = vec4(min(color, covered), covered);
#else
    out_color = vec4(color, 1.0);
#endif
}
