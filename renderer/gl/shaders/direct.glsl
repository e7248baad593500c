// Light from one direction: what a facet sends to the eye of it, times the cosine of its angle (glTF 2.0,
// appendix B.3, with the lobes of brdf.glsl).
vec3 direct(Facet at, vec3 light) {
    float n_l = clamp(dot(at.normal, light), 0.0, 1.0);
    // The half vector is (view + light) / |view + light|, and that length follows from the angle between the two.
    float v_l = dot(at.view, light);
    float shorter = inversesqrt(max(2.0 + 2.0 * v_l, 1e-6));
    float n_h = clamp((dot(at.normal, light) + dot(at.normal, at.view)) * shorter, 0.0, 1.0);
    float v_h = clamp((1.0 + v_l) * shorter, 0.0, 1.0);
#ifdef ANISOTROPY
    float lobe = stretched_lobe(at, light, (at.view + light) * shorter, n_l);
#else
    float lobe = ggx_lobe(at.roughness * at.roughness, n_h, n_l, at.n_v);
#endif
#ifdef REFLECTION
    float x = 1.0 - v_h, x2 = x * x;
    vec3 color = at.diffuse * (1.0 / PI) + mix(at.f0, vec3(at.f90), x2 * x2 * x) * lobe;
#else
    vec3 color = at.diffuse * (1.0 / PI) + schlick(at.f0, v_h) * lobe;
#endif
#ifdef SHEEN
    float fibres = max(at.sheen.r, max(at.sheen.g, at.sheen.b));
    color *= 1.0 - fibres * max(at.sheen_share, sheen_albedo(at.sheen_roughness, n_l));
    color += at.sheen * sheen_lobe(at.sheen_roughness, n_h, n_l, at.n_v);
#endif
    color *= n_l;
#ifdef CLEARCOAT
    float coat_l = clamp(dot(at.coat_normal, light), 0.0, 1.0);
    float coat_h = clamp((dot(at.coat_normal, light) + dot(at.coat_normal, at.view)) * shorter, 0.0, 1.0);
    float coat = ggx_lobe(at.coat_roughness * at.coat_roughness, coat_h, coat_l, at.coat_n_v);
    color *= 1.0 - at.coat * schlick(vec3(0.04), at.coat_n_v).r;
    color += at.coat * schlick(vec3(0.04), v_h) * coat * coat_l;
#endif
    return color;
}
