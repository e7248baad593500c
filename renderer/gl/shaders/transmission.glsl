// Light that passes through (KHR_materials_transmission): what was drawn behind, looked up in a copy of the picture
// where the refracted ray leaves the body, blurred by roughness and dimmed on the way (KHR_materials_volume). The copy
// holds display values; they are brought back to light.
uniform sampler2D u_behind;

float covered = 1.0;  // the alpha that comes of it

vec3 untoned(vec3 shown) {
#ifdef TONE_ACES
    vec3 y = clamp(inverse(ACES_OUT) * shown, 0.0, 0.97);
    vec3 a = 1.0 - 0.983729 * y, b = 0.0245786 - 0.4329510 * y, c = -0.000090537 - 0.238081 * y;
    vec3 x = (sqrt(max(b * b - 4.0 * a * c, 0.0)) - b) / (2.0 * a);
    return max(inverse(ACES_IN) * x * 0.6, 0.0);
#elif defined(TONE_NEUTRAL)
    float pressed = min(max(shown.r, max(shown.g, shown.b)), 0.99);
    if (pressed > 0.76) {
        float peak = 0.52 + 0.0576 / (1.0 - pressed);
        float kept = 1.0 / (0.15 * (peak - pressed) + 1.0);
        shown = max((min(shown, pressed) - pressed * (1.0 - kept)) / kept, 0.0) * (peak / pressed);
    }
    float low = max(min(shown.r, min(shown.g, shown.b)), 0.0);
    return shown + (low >= 0.04 ? 0.04 : sqrt(low / 6.25) - low);
#else
    return shown;
#endif
}

vec3 srgb_decoded(vec3 coded) {
    vec3 curve = pow((coded + 0.055) / 1.055, vec3(2.4));
    return mix(curve, coded / 12.92, lessThanEqual(coded, vec3(0.04045)));
}

// What of white light from behind gets through the layers above.
vec3 let_through(Facet at) {
    vec2 fit = environment_fit(at.roughness, at.n_v);
#ifdef REFLECTION
    vec3 glossy = at.plastic * fit.x + at.f90 * fit.y;
    vec3 kept = 1.0 - glossy - environment_rescattered(glossy, at.plastic, at.f90, fit);
    kept = vec3(min(kept.r, min(kept.g, kept.b)));
#else
    vec3 kept = vec3(1.0 - environment_single(0.04, fit) - environment_multiple(0.04, fit));
#endif
#ifdef SHEEN
    kept *= 1.0 - max(at.sheen.r, max(at.sheen.g, at.sheen.b)) * at.sheen_share;
#endif
#ifdef CLEARCOAT
    vec2 coat = environment_fit(at.coat_roughness, at.coat_n_v);
    kept *= 1.0 - at.coat * (environment_single(0.04, coat) + environment_multiple(0.04, coat));
#endif
    return kept;
}

vec3 transmitted(Facet at) {
    vec3 ray = refract(-at.view, at.normal, 1.0 / max(u_transmission.z, 1.0)) * u_transmission.y;
    vec4 leaves = u_view_projection * vec4(v_position + ray, 1.0);
    vec2 place = leaves.xy / leaves.w * 0.5 + 0.5;
    float blur = at.roughness * clamp(2.0 * u_transmission.z - 2.0, 0.0, 1.0);
    blur *= step(0.06, at.roughness);  // as smooth as surfaces get
    vec4 seen = textureLod(u_behind, place, blur * log2(float(textureSize(u_behind, 0).x)));
    vec3 tint = at.transmission * at.base * let_through(at) * pow(u_attenuation.rgb, vec3(length(ray)));
    covered = 1.0 - max(tint.r, max(tint.g, tint.b)) * (1.0 - seen.a);
    return tint * seen.a * untoned(srgb_decoded(min(seen.rgb / max(seen.a, 1e-3), 1.0))) / max(u_look.x, 1e-4);
}
