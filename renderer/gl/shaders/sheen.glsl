// KHR_materials_sheen: light scattered by upright fibres. Distribution of Estevez and Kulla ("Production friendly
// microfacet sheen BRDF", 2017), visibility of Neubelt and Pettineo ("Crafting a next-gen material pipeline", 2013).
float sheen_lobe(float roughness, float n_h, float n_l, float n_v) {
    float inverse = 1.0 / (roughness * roughness);
    float sine = max(1.0 - n_h * n_h, 1e-4);
    float distribution = (2.0 + inverse) * pow(sine, 0.5 * inverse) / (2.0 * PI);
    return distribution / (4.0 * max(n_l + n_v - n_l * n_v, 1e-4));
}

// What the lobe sends back of white surroundings, at most all: its integral, fitted from roughness 0.2 on (0.014 rms).
float sheen_albedo(float roughness, float n_v) {
    vec3 n = vec3(1.0, n_v, n_v * n_v);
    float r = max(roughness, 0.2);
    float power = dot(n, vec3(0.71, -6.426, -2.055)) + r * (dot(n, vec3(-2.235, 10.657, 4.045))
        + r * dot(n, vec3(0.97, -5.85, -1.804)));
    return min(exp(power), 1.0);
}
