// Cartoon shading (VRMC_materials_mtoon 1.0): a border between the lit and the shaded colour, even light from around,
// a picture of a lit ball, a rim. Light stronger than white is brought down to it, so that a surface that is fully lit
// has its own colour, and there is no tone curve.

#ifdef SHADE_UV
uniform sampler2D u_shade_texture;
#endif
#ifdef SHIFT_UV
uniform sampler2D u_shift_texture;
#endif
#ifdef MATCAP
uniform sampler2D u_matcap_texture;
#endif
#ifdef RIM_UV
uniform sampler2D u_rim_texture;
#endif

vec3 lit(vec3 base) {
    vec3 shade = u_shade.rgb;
    float shift = u_shade.w;
#ifdef SHADE_UV
    shade *= texture(u_shade_texture, MOVING(SHADE_UV)).rgb;
#endif
#ifdef SHIFT_UV
    shift += texture(u_shift_texture, MOVING(SHIFT_UV)).r * u_toon.z;
#endif
    vec3 normal = detailed_normal(surface_normal());
    vec3 view = normalize(u_eye.xyz - u_eye.w * v_position);
    vec3 color = vec3(0.0), light = vec3(0.0);
    float begin = u_toon.x - 1.0, across = 2.0 - 2.0 * u_toon.x;
#ifdef KEY_LIGHT
    vec3 key = u_light_color.rgb * (1.0 / PI);
    float shading = clamp((dot(normal, u_light_direction.xyz) + shift - begin) / max(across, 1e-4), 0.0, 1.0);
#ifdef SHADOW
    shading *= clamp(key_light_visible(v_shadow), 0.0, 1.0);
#endif
    color += key * mix(shade, base, shading);
    light += key;
#endif
#ifdef LAMPS
    for (int lamp = 0; lamp < int(u_lamps.x); lamp++) {
        vec3 towards;
        vec3 arriving = lamp_light(lamp, v_position, towards) * (1.0 / PI);
        float lit = clamp((dot(normal, towards) + shift - begin) / max(across, 1e-4), 0.0, 1.0);
        color += arriving * mix(shade, base, lit);
        light += arriving;
    }
#endif
#ifdef ENVIRONMENT
    vec3 even = 0.5 * (environment_diffuse(vec3(0.0, 1.0, 0.0)) + environment_diffuse(vec3(0.0, -1.0, 0.0)));
    vec3 around = mix(environment_diffuse(normal), even, u_toon.y);
    color += around * base;
    light += around;
#endif
    float strongest = max(1.0, max(light.r, max(light.g, light.b)));
    color /= strongest;
    light /= strongest;
    float edge = pow(clamp(1.0 - dot(normal, view) + u_rim.w, 0.0, 1.0), u_rim_form.x);
    vec3 rim = edge * u_rim.rgb;
#ifdef MATCAP
    vec3 across_view = normalize(vec3(view.z, 0.0, -view.x) + vec3(1e-6, 0.0, 0.0));
    vec2 ball = vec2(dot(across_view, normal), dot(cross(view, across_view), normal)) * vec2(0.495, -0.495) + 0.5;
    rim += u_matcap.rgb * texture(u_matcap_texture, ball).rgb;
#endif
#ifdef RIM_UV
    rim *= texture(u_rim_texture, MOVING(RIM_UV)).rgb;
#endif
    return color + rim * mix(vec3(1.0), light, u_rim_form.y);
}
