// What light meets at one point of a surface: directions, roughness, and how much each layer reflects
// (glTF 2.0, appendix B, and the KHR_materials extensions that layers.glsl names).
struct Facet {
    vec3 normal;
    vec3 view;
    float n_v;
    float roughness;
    vec3 diffuse;
    vec3 base;       // a metal's reflection head on
    float metallic;
    vec3 f0;         // reflection head on, metal or not
#ifdef OCCLUSION_UV
    float occlusion;
#endif
#ifdef REFLECTION
    vec3 plastic;    // a non-metal's reflection head on
    float f90;       // and at grazing angles
#endif
#ifdef ANISOTROPY
    vec3 along;      // the direction in which highlights are drawn out
    vec3 across;
    float strength;
#endif
#ifdef CLEARCOAT
    vec3 coat_normal;
    float coat_n_v;
    float coat;
    float coat_roughness;
#endif
#ifdef SHEEN
    vec3 sheen;
    float sheen_roughness;
    float sheen_share;  // part of white surroundings that a white sheen sends back
#endif
#ifdef TRANSMISSION
    float transmission;
#endif
};

#ifdef SHEEN
#include "sheen.glsl"
#endif
#ifdef IRIDESCENCE
#include "film.glsl"
#endif

#ifdef METALLIC_ROUGHNESS_UV
uniform sampler2D u_metallic_roughness_texture;
#endif
#if defined(OCCLUSION_UV) && !defined(OCCLUSION_SHARED)
uniform sampler2D u_occlusion_texture;
#endif
#ifdef SPECULAR_UV
uniform sampler2D u_specular_texture;
#endif
#ifdef SPECULAR_COLOR_UV
uniform sampler2D u_specular_color_texture;
#endif
#ifdef COAT_UV
uniform sampler2D u_coat_texture;
#endif
#ifdef COAT_ROUGHNESS_UV
uniform sampler2D u_coat_roughness_texture;
#endif
#ifdef SHEEN_COLOR_UV
uniform sampler2D u_sheen_color_texture;
#endif
#ifdef SHEEN_ROUGHNESS_UV
uniform sampler2D u_sheen_roughness_texture;
#endif
#ifdef TRANSMISSION_UV
uniform sampler2D u_transmission_texture;
#endif
#ifdef FILM_UV
uniform sampler2D u_film_texture;
#endif
#ifdef FILM_THICKNESS_UV
uniform sampler2D u_film_thickness_texture;
#endif
#ifdef ANISOTROPY_UV
uniform sampler2D u_anisotropy_texture;
#endif

#ifdef REFLECTION
// KHR_materials_ior, KHR_materials_specular and KHR_materials_iridescence: what is reflected, by angle.
void reflect_as_told(inout Facet at) {
    vec3 color = u_specular.rgb;
    float weight = u_specular.w;
#ifdef SPECULAR_UV
    weight *= texture(u_specular_texture, SPECULAR_UV).a;
#endif
#ifdef SPECULAR_COLOR_UV
    color *= texture(u_specular_color_texture, SPECULAR_COLOR_UV).rgb;
#endif
    at.plastic = min(u_transmission.w * color, 1.0) * weight;
    at.f90 = weight;
#ifdef IRIDESCENCE
    float factor = u_film.x, thickness = u_film.w;
#ifdef FILM_UV
    factor *= texture(u_film_texture, FILM_UV).r;
#endif
#ifdef FILM_THICKNESS_UV
    thickness = mix(u_film.z, thickness, texture(u_film_thickness_texture, FILM_THICKNESS_UV).g);
#endif
    vec3 plastic = film_head_on(u_film.y, thickness, at.n_v, at.plastic);
    vec3 metal = film_head_on(u_film.y, thickness, at.n_v, at.base);
    at.plastic = mix(at.plastic, plastic, factor);
    at.base = mix(at.base, metal, factor);
#endif
    at.f0 = mix(at.plastic, at.base, at.metallic);
    at.f90 = mix(at.f90, 1.0, at.metallic);
}
#endif

Facet facet(vec3 base) {
    Facet at;
    float roughness = u_surface.y;
#ifdef DIELECTRIC
    at.metallic = 0.0;
#else
    at.metallic = u_surface.x;
#endif
#ifdef OCCLUSION_UV
    at.occlusion = 1.0;
#endif
#ifdef METALLIC_ROUGHNESS_UV
    vec3 orm = texture(u_metallic_roughness_texture, METALLIC_ROUGHNESS_UV).rgb;
#ifndef DIELECTRIC
    at.metallic *= orm.b;
#endif
    roughness *= orm.g;
#ifdef OCCLUSION_SHARED
    at.occlusion += u_surface.w * (orm.r - 1.0);
#endif
#endif
#if defined(OCCLUSION_UV) && !defined(OCCLUSION_SHARED)
    at.occlusion += u_surface.w * (texture(u_occlusion_texture, OCCLUSION_UV).r - 1.0);
#endif
    vec3 plain = surface_normal();
    at.normal = detailed_normal(plain);
    at.view = normalize(u_eye.xyz - u_eye.w * v_position);
    at.n_v = clamp(dot(at.normal, at.view), 1e-4, 1.0);
    // A highlight narrower than a pixel flickers: the change of the normal across the pixel widens it.
    vec3 change = max(abs(dFdx(plain)), abs(dFdy(plain)));
    float wider = max(change.x, max(change.y, change.z));
    at.roughness = min(max(roughness, 0.0525) + wider, 1.0);
    at.base = base;
#ifdef DIELECTRIC
    at.diffuse = base;
    at.f0 = vec3(0.04);
#else
    at.diffuse = base * (1.0 - at.metallic);
    at.f0 = mix(vec3(0.04), base, at.metallic);
#endif
#ifdef REFLECTION
    reflect_as_told(at);
#endif
#ifdef ANISOTROPY
    vec2 turn = u_anisotropy.yz;
    at.strength = u_anisotropy.x;
#ifdef ANISOTROPY_UV
    vec3 drawn = texture(u_anisotropy_texture, ANISOTROPY_UV).rgb;
    drawn.xy = drawn.xy * 2.0 - 1.0;
    turn = vec2(turn.x * drawn.x - turn.y * drawn.y, turn.y * drawn.x + turn.x * drawn.y);
    at.strength *= drawn.z;
#endif
    mat3 frame = surface_frame(plain, ANISOTROPY_AT);
    at.along = normalize(frame * vec3(turn, 0.0) + vec3(1e-9));
    at.along = normalize(at.along - at.normal * dot(at.normal, at.along));
    at.across = cross(at.normal, at.along);
#endif
#ifdef CLEARCOAT
    at.coat = u_coat.x;
    float coat_roughness = u_coat.y;
#ifdef COAT_UV
    at.coat *= texture(u_coat_texture, COAT_UV).r;
#endif
#ifdef COAT_ROUGHNESS_UV
    coat_roughness *= texture(u_coat_roughness_texture, COAT_ROUGHNESS_UV).g;
#endif
    at.coat_normal = coat_normal(plain);
    at.coat_n_v = clamp(dot(at.coat_normal, at.view), 1e-4, 1.0);
    at.coat_roughness = min(max(coat_roughness, 0.0525) + wider, 1.0);
#endif
#ifdef SHEEN
    at.sheen = u_sheen.rgb;
    at.sheen_roughness = u_sheen.w;
#ifdef SHEEN_COLOR_UV
    at.sheen *= texture(u_sheen_color_texture, SHEEN_COLOR_UV).rgb;
#endif
#ifdef SHEEN_ROUGHNESS_UV
    at.sheen_roughness *= texture(u_sheen_roughness_texture, SHEEN_ROUGHNESS_UV).a;
#endif
    at.sheen_roughness = clamp(at.sheen_roughness, 0.07, 1.0);
    at.sheen_share = sheen_albedo(at.sheen_roughness, at.n_v);
#endif
#ifdef TRANSMISSION
    at.transmission = u_transmission.x;
#ifdef TRANSMISSION_UV
    at.transmission *= texture(u_transmission_texture, TRANSMISSION_UV).r;
#endif
    at.transmission *= 1.0 - at.metallic;
    at.diffuse *= 1.0 - at.transmission;
#endif
    return at;
}
