// Reflection of a metallic-roughness surface: GGX distribution (Walter et al. 2007), height-correlated Smith
// visibility (Heitz 2014), Schlick's Fresnel (1994), and for the environment the split-sum fit of Lazarov and
// Karis ("Physically based shading on mobile", 2014) with multiple scattering after Fdez-Aguera (JCGT 8(1), 2019).
const float PI = 3.14159265358979;

// Distribution times visibility, in one fraction.
float ggx_lobe(float alpha, float n_h, float n_l, float n_v) {
    float a2 = alpha * alpha;
    float d = n_h * n_h * (a2 - 1.0) + 1.0;
    float towards_light = n_v * sqrt(a2 + (1.0 - a2) * n_l * n_l);
    float towards_eye = n_l * sqrt(a2 + (1.0 - a2) * n_v * n_v);
    return 0.5 * a2 / (PI * d * d * max(towards_light + towards_eye, 1e-6));
}

vec3 schlick(vec3 f0, float v_h) {
    float x = 1.0 - v_h;
    float x2 = x * x;
    return f0 + (1.0 - f0) * (x2 * x2 * x);
}

// Scale and bias of f0 in the environment's specular reflection.
vec2 environment_fit(float roughness, float n_v) {
    vec4 r = roughness * vec4(-1.0, -0.0275, -0.572, 0.022) + vec4(1.0, 0.0425, 1.04, -0.04);
    float a = min(r.x * r.x, exp2(-9.28 * n_v)) * r.x + r.y;
    return vec2(-1.04, 1.04) * a + r.zw;
}

// Share of white surroundings that a surface sends back in one bounce between its facets, and in more than one.
#define SCATTERING(T) \
    T environment_single(T f0, vec2 fit) { return f0 * fit.x + fit.y; } \
    T environment_multiple(T f0, vec2 fit) { \
        float missing = 1.0 - fit.x - fit.y; \
        T average = f0 + (1.0 - f0) / 21.0; \
        return missing * environment_single(f0, fit) * average / (1.0 - missing * average); \
    }
SCATTERING(float)
SCATTERING(vec3)

#ifdef REFLECTION
// The same for a surface whose reflection at grazing angles is not all.
vec3 environment_rescattered(vec3 single, vec3 f0, float f90, vec2 fit) {
    float missing = 1.0 - fit.x - fit.y;
    vec3 average = f0 + (f90 - f0) / 21.0;
    return missing * single * average / (1.0 - missing * average);
}
#endif
