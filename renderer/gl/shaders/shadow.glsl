// How much of the key light arrives: percentage-closer filtering (Reeves et al. 1987) over three texels a side that
// slide with the surface. Along an axis four texels weigh 1 - f, 1, 1, f; two linear comparisons take them in pairs.
uniform sampler2DShadow u_shadow_map;

float key_light_visible(vec3 at) {
    vec2 place = at.xy * u_shadow.w + 0.5;
    vec2 f = fract(place);
    vec2 low = 2.0 - f, high = 1.0 + f;
    vec4 x = vec4(floor(place.x) - vec2(1.5, -0.5) + vec2(1.0 / low.x, f.x / high.x), low.x, high.x);
    vec4 y = vec4(floor(place.y) - vec2(1.5, -0.5) + vec2(1.0 / low.y, f.y / high.y), low.y, high.y);
    x.xy /= u_shadow.w;
    y.xy /= u_shadow.w;
    float depth = at.z + u_shadow.y;
    float visible = x.z * y.z * texture(u_shadow_map, vec3(x.x, y.x, depth))
        + x.w * y.z * texture(u_shadow_map, vec3(x.y, y.x, depth))
        + x.z * y.w * texture(u_shadow_map, vec3(x.x, y.y, depth))
        + x.w * y.w * texture(u_shadow_map, vec3(x.y, y.y, depth));
    bool outside = any(greaterThan(abs(at - 0.5), vec3(0.5)));
    return outside ? 1.0 : 1.0 - u_shadow.x * (1.0 - visible / 9.0);
}
