// The file's own lights (KHR_lights_punctual): directional, point and spot, with the falloff the extension recommends.
// Layout: renderer/gl/blocks.py.
layout(std140) uniform Lamps {
    vec4 u_lamps;           // how many
    vec4 u_lamp_place[8];   // xyz: where it stands; w 0: so far away that only its direction counts
    vec4 u_lamp_axis[8];    // xyz: where it shines; w: 1 / range, 0 without one
    vec4 u_lamp_color[8];   // colour times intensity
    vec4 u_lamp_cone[8];    // factor and summand that bring the cosine from the axis to 0..1
};

// Direction towards a lamp, and what of its light arrives.
vec3 lamp_light(int index, vec3 at, out vec3 direction) {
    vec4 place = u_lamp_place[index];
    vec3 apart = place.w > 0.0 ? place.xyz - at : -u_lamp_axis[index].xyz;
    float square = max(dot(apart, apart), 1e-6);
    direction = apart * inversesqrt(square);
    if (place.w == 0.0) return u_lamp_color[index].rgb;
    float share = square * u_lamp_axis[index].w * u_lamp_axis[index].w;
    float cone = -dot(direction, u_lamp_axis[index].xyz) * u_lamp_cone[index].x + u_lamp_cone[index].y;
    cone = clamp(cone, 0.0, 1.0);
    return u_lamp_color[index].rgb * (cone * cone * clamp(1.0 - share * share, 0.0, 1.0) / square);
}
