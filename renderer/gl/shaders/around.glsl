// Light from everywhere: what a facet sends to the eye of its surroundings (split sum with multiple scattering:
// Karis 2013, Fdez-Aguera 2019; the fit is in brdf.glsl).
vec3 environment_mirrored(Facet at, vec3 normal, float roughness) {
    // The roughest surfaces see more around their normal than around the mirrored direction.
    float alpha = roughness * roughness;
    return environment_specular(normalize(mix(reflect(-at.view, normal), normal, alpha * alpha)), roughness);
}

#ifdef OPENNESS
#include "openness.glsl"
#endif

vec3 surrounded(Facet at) {
    vec2 fit = environment_fit(at.roughness, at.n_v);
    vec3 around = environment_diffuse(at.normal);
#ifdef ANISOTROPY
    vec3 mirrored = environment_mirrored(at, bent_normal(at), at.roughness);
#else
    vec3 mirrored = environment_mirrored(at, at.normal, at.roughness);
#endif
#ifdef OPENNESS
    // What hides is taken for more of the same surface, as open as this one; light that goes to and fro between both is
    // a geometric series (in the spirit of Jimenez et al., "Practical real-time strategies for accurate indirect
    // occlusion", 2016).
    Open open = openness(at, surface_normal());
    vec3 others = min(at.base, 0.95);
    vec3 back = open.hidden * others;
    around = (around * open.soft + back * (1.0 - open.hidden) * open.others) / (1.0 - back * back);
    vec3 hiding = others * ((1.0 - open.hidden) * open.others + open.hidden * others * around);
    mirrored = mirrored * open.mirrored + open.mirror_hidden * hiding;
#endif
#ifdef REFLECTION
    vec3 glossy = at.plastic * fit.x + at.f90 * fit.y;
    vec3 scattered = environment_rescattered(glossy, at.plastic, at.f90, fit);
    vec3 kept = 1.0 - glossy - scattered;
    vec3 body = at.diffuse * min(kept.r, min(kept.g, kept.b));
#else
    float glossy = environment_single(0.04, fit), scattered = environment_multiple(0.04, fit);
    vec3 body = at.diffuse * (1.0 - glossy - scattered);
#endif
#ifdef DIELECTRIC
    vec3 specular = glossy * mirrored + scattered * around;
#else
    vec3 single = mix(vec3(glossy), environment_single(at.base, fit), at.metallic);
    vec3 multiple = mix(vec3(scattered), environment_multiple(at.base, fit), at.metallic);
    vec3 specular = single * mirrored + multiple * around;
#endif
#ifdef OCCLUSION_UV
    // Specular occlusion after Lagarde and de Rousiers, "Moving Frostbite to PBR" (2014).
    specular *= clamp(pow(at.n_v + at.occlusion, exp2(-16.0 * at.roughness - 1.0)) - 1.0 + at.occlusion, 0.0, 1.0);
    around *= at.occlusion;
#endif
    vec3 color = body * around + specular;
#ifdef SHEEN
    float fibres = max(at.sheen.r, max(at.sheen.g, at.sheen.b));
    color = color * (1.0 - fibres * at.sheen_share) + at.sheen * at.sheen_share * around;
#endif
#ifdef CLEARCOAT
    vec2 coat_fit = environment_fit(at.coat_roughness, at.coat_n_v);
    float coat = at.coat * environment_single(0.04, coat_fit), haze = at.coat * environment_multiple(0.04, coat_fit);
    vec3 mirror = environment_mirrored(at, at.coat_normal, at.coat_roughness);
#ifdef OPENNESS
    mirror = mirror * open.mirrored + open.mirror_hidden * hiding;
#endif
    color = color * (1.0 - coat - haze) + coat * mirror + haze * around;
#endif
    return color;
}
