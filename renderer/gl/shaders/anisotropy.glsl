// KHR_materials_anisotropy: GGX with a roughness for each direction (Burley, "Physically based shading at Disney",
// 2012), its visibility after Heitz (2014), roughness as the extension has it.
float stretched_lobe(Facet at, vec3 light, vec3 middle, float n_l) {
    float across = at.roughness * at.roughness;
    float along = mix(across, 1.0, at.strength * at.strength);
    vec3 h = vec3(across * dot(at.along, middle), along * dot(at.across, middle), along * across * dot(at.normal, middle));
    float area = along * across;
    float w = area / max(dot(h, h), 1e-8);
    float distribution = area * w * w / PI;
    float to_eye = n_l * length(vec3(along * dot(at.along, at.view), across * dot(at.across, at.view), at.n_v));
    float to_light = at.n_v * length(vec3(along * dot(at.along, light), across * dot(at.across, light), n_l));
    return distribution * 0.5 / max(to_eye + to_light, 1e-5);
}

// The environment is looked up about a normal bent to where the stretched lobe has its middle (after Revie, GPU Pro 2).
vec3 bent_normal(Facet at) {
    vec3 beside = cross(cross(at.across, at.view), at.across);
    float length2 = dot(beside, beside);
    if (length2 < 1e-8) return at.normal;
    float keep = 1.0 - at.strength * (1.0 - at.roughness);
    keep *= keep;
    return normalize(mix(beside * inversesqrt(length2), at.normal, keep * keep));
}
