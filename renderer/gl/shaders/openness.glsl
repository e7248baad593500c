// How much of the surroundings the avatar leaves visible: depth maps from directions all round (renderer/gl/openness.py)
// say which of them are seen from a point (after Pharr and Green, GPU Gems, 2004); each counts by its light and by the
// lobe that asks.
uniform sampler2DShadow u_open_maps;
uniform sampler2D u_open_frames;  // a line for each direction: across, up, towards, its light, the map's measures, light on what faces away

const int OPEN_GRID = 16;

struct Open {
    vec3 soft;            // share of the light of the cosine lobe that arrives
    vec3 mirrored;        // and of the mirrored lobe
    float hidden;         // share of the cosine lobe that is hidden, whatever its light
    float mirror_hidden;  // and of the mirrored lobe
    vec3 others;          // light that falls on what hides: it faces here, so it is lit from the opposite side
};

Open openness(Facet at, vec3 plain) {
    vec3 soft_all = vec3(1e-6), glossy_all = vec3(1e-6), soft = vec3(1e-6), mirrored = vec3(1e-6), others = vec3(0.0);
    float cosines = 1e-6, lobes = 1e-6, hidden = 0.0, mirror_hidden = 0.0;
    float texel = 1.0 / float(textureSize(u_open_maps, 0).x);
    // Narrower lobes than the directions lie apart would fall between them.
    float alpha = max(at.roughness * at.roughness, 0.2);
    for (int index = 0; index < OPEN_GRID * OPEN_GRID; index++) {
        vec4 towards = texelFetch(u_open_frames, ivec2(2, index), 0);
        float cosine = dot(at.normal, towards.xyz);
        // A bump of a normal map is not hidden by the flat surface that it is drawn on.
        if (min(cosine, dot(plain, towards.xyz)) <= 0.0) continue;
        vec4 light = texelFetch(u_open_frames, ivec2(3, index), 0);
        vec4 across = texelFetch(u_open_frames, ivec2(0, index), 0);
        vec4 up = texelFetch(u_open_frames, ivec2(1, index), 0);
        vec2 measures = texelFetch(u_open_frames, ivec2(4, index), 0).xy;
        // A texel's depth varies with the slope, so the point is lifted by as much.
        vec3 from = v_position + plain * (measures.y * sqrt(max(1.0 - cosine * cosine, 0.0)));
        vec3 place = vec3(dot(across.xyz, from) + across.w, dot(up.xyz, from) + up.w, 0.0);
        float seen = 1.0;
        if (max(abs(place.x), abs(place.y)) < 1.0) {
            place.z = 0.5 - 0.5 * (dot(towards.xyz, from) + towards.w) * measures.x - texel;
            vec2 tile = vec2(index % OPEN_GRID, index / OPEN_GRID);
            vec2 inside = clamp(place.xy * 0.5 + 0.5, texel * float(OPEN_GRID), 1.0 - texel * float(OPEN_GRID));
            seen = texture(u_open_maps, vec3((tile + inside) / float(OPEN_GRID), clamp(place.z, 0.0, 1.0)));
        }
        vec3 middle = normalize(at.view + towards.xyz);
        float n_h = clamp(dot(at.normal, middle), 0.0, 1.0);
        float lobe = ggx_lobe(alpha, n_h, cosine, at.n_v) * cosine;
        soft_all += cosine * light.rgb;
        glossy_all += lobe * light.rgb;
        soft += seen * cosine * light.rgb;
        mirrored += seen * lobe * light.rgb;
        cosines += cosine;
        lobes += lobe;
        hidden += (1.0 - seen) * cosine;
        mirror_hidden += (1.0 - seen) * lobe;
        others += (1.0 - seen) * cosine * texelFetch(u_open_frames, ivec2(5, index), 0).rgb;
    }
    return Open(soft / soft_all, mirrored / glossy_all, hidden / cosines, mirror_hidden / lobes,
        others / max(hidden, 1e-6));
}
