// What one picture shares: camera, light, environment, look. Ours; layout: renderer/gl/blocks.py.
layout(std140) uniform Frame {
    mat4 u_view_projection;
    vec4 u_eye;              // w 1: xyz is the eye; w 0: xyz points at an orthographic viewer
    vec4 u_light_direction;  // towards the light
    vec4 u_light_color;      // colour times intensity
    vec4 u_sky;
    vec4 u_horizon;
    vec4 u_ground;
    vec4 u_look;             // x: exposure; of a panorama y: intensity, z: texels a side, w: layers of reflections
    mat4 u_shadow_from_world; // to texture coordinates and depth of the shadow map
    vec4 u_shadow;           // strength, bias of the depth, metres along the normal, texels a side
    vec4 u_clock;            // x: seconds, y: the picture's width by its height
};
