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
#ifdef BASE_UV
uniform sampler2D u_base_texture;
#endif
#ifdef METALLIC_ROUGHNESS_UV
uniform sampler2D u_metallic_roughness_texture;
#endif
#ifdef NORMAL_UV
uniform sampler2D u_normal_texture;
#endif
#if defined(OCCLUSION_UV) && !defined(OCCLUSION_SHARED)
uniform sampler2D u_occlusion_texture;
#endif
#ifdef EMISSIVE_UV
uniform sampler2D u_emissive_texture;
#endif
out vec4 out_color;

#ifdef GRADED
#include "grade.glsl"
#endif
#ifndef UNLIT
#include "brdf.glsl"
#ifdef PANORAMA
#include "panorama.glsl"
#elif defined(ENVIRONMENT)
#include "environment.glsl"
#endif
#include "normal.glsl"
#ifdef SHADOW
#include "shadow.glsl"
#endif

vec3 lit(vec3 base) {
#ifndef DIELECTRIC
    float metallic = u_surface.x;
#endif
    float roughness = u_surface.y;
#ifdef OCCLUSION_UV
    float occlusion = 1.0;
#endif
#ifdef METALLIC_ROUGHNESS_UV
    vec3 orm = texture(u_metallic_roughness_texture, METALLIC_ROUGHNESS_UV).rgb;
#ifndef DIELECTRIC
    metallic *= orm.b;
#endif
    roughness *= orm.g;
#ifdef OCCLUSION_SHARED
    occlusion += u_surface.w * (orm.r - 1.0);
#endif
#endif
#if defined(OCCLUSION_UV) && !defined(OCCLUSION_SHARED)
    occlusion += u_surface.w * (texture(u_occlusion_texture, OCCLUSION_UV).r - 1.0);
#endif
    vec3 plain = surface_normal();
    vec3 normal = detailed_normal(plain);
    vec3 view = normalize(u_eye.xyz - u_eye.w * v_position);
    float n_v = clamp(dot(normal, view), 1e-4, 1.0);
    // A highlight narrower than a pixel flickers: the change of the normal across the pixel widens it.
    vec3 change = max(abs(dFdx(plain)), abs(dFdy(plain)));
    roughness = min(max(roughness, 0.0525) + max(change.x, max(change.y, change.z)), 1.0);
#ifdef DIELECTRIC
    vec3 diffuse = base;
    vec3 f0 = vec3(0.04);
#else
    vec3 diffuse = base * (1.0 - metallic);
    vec3 f0 = mix(vec3(0.04), base, metallic);
#endif
    vec3 color = vec3(0.0);
#ifdef KEY_LIGHT
    float n_l = clamp(dot(normal, u_light_direction.xyz), 0.0, 1.0);
    // The half vector is (view + light) / |view + light|, and that length follows from the angle between the two.
    float v_l = dot(view, u_light_direction.xyz);
    float shorter = inversesqrt(max(2.0 + 2.0 * v_l, 1e-6));
    float n_h = clamp((dot(normal, u_light_direction.xyz) + dot(normal, view)) * shorter, 0.0, 1.0);
    float v_h = clamp((1.0 + v_l) * shorter, 0.0, 1.0);
    float lobe = ggx_lobe(roughness * roughness, n_h, n_l, n_v);
#ifdef SHADOW
    n_l *= key_light_visible(v_shadow);
#endif
    color += u_light_color.rgb * n_l * (diffuse * (1.0 / PI) + schlick(f0, v_h) * lobe);
#endif
#ifdef ENVIRONMENT
    vec2 fit = environment_fit(roughness, n_v);
    vec3 around = environment_diffuse(normal);
    // The roughest surfaces see more around their normal than around the mirrored direction.
    float alpha = roughness * roughness;
    vec3 direction = normalize(mix(reflect(-view, normal), normal, alpha * alpha));
    vec3 mirrored = environment_specular(direction, roughness);
    float glossy = environment_single(0.04, fit), scattered = environment_multiple(0.04, fit);
    vec3 body = diffuse * (1.0 - glossy - scattered);
#ifdef DIELECTRIC
    vec3 specular = glossy * mirrored + scattered * around;
#else
    vec3 single = mix(vec3(glossy), environment_single(base, fit), metallic);
    vec3 multiple = mix(vec3(scattered), environment_multiple(base, fit), metallic);
    vec3 specular = single * mirrored + multiple * around;
#endif
#ifdef OCCLUSION_UV
    // Specular occlusion after Lagarde and de Rousiers, "Moving Frostbite to PBR" (2014).
    specular *= clamp(pow(n_v + occlusion, exp2(-16.0 * roughness - 1.0)) - 1.0 + occlusion, 0.0, 1.0);
    around *= occlusion;
#endif
    color += body * around + specular;
#endif
    return color;
}
#endif

void main() {
    vec4 base = u_base_color;
#ifdef COLORS
    base *= v_color;
#endif
#ifdef BASE_UV
    base *= texture(u_base_texture, BASE_UV);
#endif
#ifdef ALPHA_MASK
    if (base.a < u_emissive.w) discard;
#endif
#ifdef UNLIT
    vec3 color = srgb_encoded(clamp(base.rgb, 0.0, 1.0));
#else
    vec3 color = lit(base.rgb);
#ifdef EMISSIVE_UV
    color += u_emissive.rgb * texture(u_emissive_texture, EMISSIVE_UV).rgb;
#else
    color += u_emissive.rgb;
#endif
#ifdef SHADOW
    color = max(color, 0.0);  // a shadow stronger than 1 takes light away, but not more than there is
#endif
    color = srgb_encoded(tone_mapped(color * u_look.x));
#endif
#ifdef GRADED
    color = graded(color);
#endif
#ifdef ALPHA_BLEND
    out_color = vec4(color * base.a, base.a);
#else
    out_color = vec4(color, 1.0);
#endif
}
